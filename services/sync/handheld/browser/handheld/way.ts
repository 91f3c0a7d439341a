/** The way to the server: requests that the device signs, and those few that carry the rep's own session. */

import { bytesOf, hex, sha256 } from "./digest";
import { newKeys, publicHalf, signed } from "./signing";
import type { Me, Store } from "./store";

const PATIENCE = 60_000;

/** The server refused; `detail` are its words. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
  ) {
    super(detail);
  }
}

/** The rep has to sign in: to enrol, to renew, or to see what only people with a session may. */
export class SignIn extends Error {}

/** No answer came. */
export class Away extends Error {}

/** Ask as the signed-in rep; another access token is asked for once. */
export async function askAsRep(path: string, options: RequestInit = {}): Promise<unknown> {
  const headers = { accept: "application/json", ...options.headers };
  const send = () => fetched(path, { ...options, headers, credentials: "same-origin" });
  let answer = await send();
  if (answer.status === 401 && (await renewed())) answer = await send();
  if (answer.status === 401) throw new SignIn("sign in");
  return await read(answer);
}

/** Pages of one browser renew one after the other. */
async function renewed(): Promise<boolean> {
  const ask = () => fetched("/session/renew", { method: "POST", headers: { accept: "application/json" } });
  return (await navigator.locks.request("crm-renew", ask)).ok;
}

/** One signed request; only one at a time of all pages of this browser, see `Device.synchronize`. */
export async function askAsDevice(
  store: Store,
  method: "GET" | "POST",
  what: string,
  query: Record<string, string> = {},
  body = "",
): Promise<unknown> {
  // Kept before it is sent: whatever happens then, this turn is used under this name only.
  const me = await store.changeMe((before) => ({ request: before.request ?? crypto.randomUUID() }));
  if (!me.device || !me.keys || me.turn === null || !me.request) throw new SignIn("no key that the server knows");
  const url = new URL(`/devices/${me.device}/${what}`, location.origin);
  url.search = new URLSearchParams(query).toString();
  const path = url.pathname + url.search;
  const bytes = bytesOf(body);
  const said = { device: me.device, method, path, turn: me.turn, body: hex(await sha256(bytes)), request: me.request };
  const headers = {
    accept: "application/json",
    authorization: `CRM-Device ${await signed(me.keys, said)}`,
    ...(body ? { "content-type": "application/json" } : {}),
  };
  // Without cookies: the device speaks for itself.
  const sent = await fetched(path, { method, headers, credentials: "omit", ...(body ? { body: bytes } : {}) });
  if (sent.status === 401) throw new SignIn("the server doesn't know this key");
  const answer = (await read(sent)) as { turn: number };
  await store.changeMe((now) =>
    now.turn === said.turn && now.request === said.request ? { turn: answer.turn, request: null } : {},
  );
  return answer;
}

/** Tell the server a new key as the signed-in rep: the same one as long as there is no answer. */
export async function tellKey(
  store: Store,
  path: string,
  more: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const me = await store.look((look) => look.me());
  const keys = me.keys ?? (await newKeys());
  if (!me.keys) await store.changeMe((): Partial<Me> => ({ keys, turn: null, request: null }));
  const x = await publicHalf(keys);
  const body = JSON.stringify({ ...more, key: { kty: "OKP", crv: "Ed25519", x } });
  const headers = { "content-type": "application/json", "idempotency-key": x };
  return (await askAsRep(path, { method: "POST", headers, body })) as Record<string, unknown>;
}

async function fetched(path: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...options, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  } catch {
    throw new Away("no answer");
  }
}

async function read(answer: Response): Promise<unknown> {
  // A network's own page in the server's place says nothing about this device.
  if (!(answer.headers.get("content-type") ?? "").includes("json")) throw new Away("not the server's answer");
  const found: unknown = await answer.json().catch(() => {
    // Half an answer, or somebody else's on the way: what became of the request isn't known.
    throw new Away("no answer that can be read");
  });
  if (answer.ok) return found;
  if (answer.status >= 500 || answer.status === 429) throw new Away(`status ${answer.status}`);
  const problem = found as { detail?: string; errors?: { where: string; what: string }[] };
  throw new Refused(answer.status, problem.detail ?? `${answer.status}`);
}
