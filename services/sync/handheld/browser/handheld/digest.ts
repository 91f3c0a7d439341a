/** What the device protocol counts with: SHA-256, the exclusive or of digests, ids. docs/devices.md. */

const utf8 = new TextEncoder();

/** The bytes of a text, as they are hashed and sent. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return utf8.encode(text);
}

/** SHA-256. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** Lower-case hexadecimal. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
}

/** Base64 for URLs, without padding. */
export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** The digest of a set of items, in whatever order: the exclusive or of the SHA-256 of their texts. */
export async function digestOf(bodies: readonly string[]): Promise<string> {
  const together = new Uint8Array(32);
  for (const each of await Promise.all(bodies.map((body) => sha256(bytesOf(body))))) {
    for (let place = 0; place < together.length; place++) together[place]! ^= each[place]!;
  }
  return hex(together);
}

/** A UUIDv7: it begins with its instant, so that ids of notes and orders sort as they were made. */
export function uuid7(milliseconds: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let rest = milliseconds;
  for (let place = 5; place >= 0; place--) {
    bytes[place] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const text = hex(bytes);
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}
