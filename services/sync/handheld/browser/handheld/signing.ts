/** How this browser shows which device it is: a key that it can use and not read, and that never leaves it. */

import { base64url, bytesOf } from "./digest";

const ALGORITHM = "Ed25519";
const KIND = "crm-device";

/** What is signed of a request; no clock is in it. */
export interface Said {
  device: string;
  method: string;
  path: string;
  body: string;
  turn: number;
  request: string;
}

/** Whether this browser can be a device at all. */
export async function canSign(): Promise<boolean> {
  try {
    await newKeys();
    return "locks" in navigator && "indexedDB" in globalThis;
  } catch {
    return false;
  }
}

/** A key pair; the private half can't be exported, by no script either. */
export async function newKeys(): Promise<CryptoKeyPair> {
  return (await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"])) as CryptoKeyPair;
}

/** The public half as the protocol names it: `x` of a JWK. */
export async function publicHalf(keys: CryptoKeyPair): Promise<string> {
  const jwk = await crypto.subtle.exportKey("jwk", keys.publicKey);
  return jwk.x!;
}

/** The compact JWS of a request. */
export async function signed(keys: CryptoKeyPair, said: Said): Promise<string> {
  const parts = [{ alg: ALGORITHM, typ: KIND }, said].map((part) => base64url(bytesOf(JSON.stringify(part))));
  const content = parts.join(".");
  const signature = await crypto.subtle.sign(ALGORITHM, keys.privateKey, bytesOf(content));
  return `${content}.${base64url(new Uint8Array(signature))}`;
}
