/** The device: what the rep writes is kept and numbered, handed in once, and what is to be known is fetched and
 * compared. The same as services/sync/devices/client.py, which tells each step; docs/devices.md tells the protocol. */

import { digestOf, uuid7 } from "./digest";
import type { Change, Store } from "./store";
import type { Answer, Content, Mutation, Product, Pulled } from "./types";
import { askAsDevice, askAsRep, Refused, tellKey } from "./way";

const MOST = 100;
const NEW_PRODUCTS_AFTER = 3_600_000;

/** Server and device don't have the same, and starting over or pushing again doesn't mend it. The message says only in
 *  what (a scope, a number), or has the server's words; the page has a sentence for it. */
export class OutOfStep extends Error {}

export class Device {
  constructor(
    private readonly store: Store,
    private readonly clock: () => Date = () => new Date(),
  ) {}

  /** Make this browser a device of the signed-in rep. May be done again when there was no answer. */
  enrol(name: string, rep: string): Promise<void> {
    return alone(async () => {
      const { device } = await this.store.look((look) => look.me());
      if (device) return;
      const enrolled = await tellKey(this.store, "/devices", { name }).catch(async (error) => {
        if (!(error instanceof Refused) || error.status !== 409) throw error;
        // This key was told under another name, and the answer was lost.
        await this.store.changeMe(() => ({ keys: null }));
        return await tellKey(this.store, "/devices", { name });
      });
      const given = { device: enrolled.device as string, turn: enrolled.turn as number };
      await this.store.changeMe(() => ({ ...given, name, rep, request: null }));
    });
  }

  /** Get another key, as the server asks for, or after an operator let the device in again. */
  renew(): Promise<void> {
    return alone(async () => {
      const me = await this.store.look((look) => look.me());
      if (me.turn !== null) await this.store.changeMe(() => ({ keys: null, turn: null, request: null }));
      // Up to here numbers were answered. A server that was put back to an earlier state doesn't know of all of them.
      const open = (await this.store.look((look) => look.all("written"))).filter((one) => one.state === "");
      const number = Math.min(me.number, ...open.map((one) => one.number - 1));
      const renewed = await tellKey(this.store, `/devices/${me.device}/renew`, { number });
      const [turn, taken] = [renewed.turn as number, renewed.number as number];
      await this.store.changeMe((now) => ({
        ...{ turn, taken, request: null, barred: "" },
        number: Math.max(now.number, taken),
      }));
    });
  }

  /** Write something about a customer, with or without a network. */
  async write(customer: string, make: (id: string) => Content): Promise<void> {
    const now = this.clock();
    await this.store.change(async (change) => {
      const me = await change.me();
      const number = me.number + 1;
      const content: Mutation = { number, made: now.toISOString(), customer, ...make(uuid7(now.getTime())) };
      change.put("me", { ...me, number });
      change.put("written", { number, content, state: "", reason: "", detail: "" });
    });
  }

  /** Hand in what was written and fetch what changed; safe to repeat whenever the network went. */
  synchronize(): Promise<void> {
    return alone(async () => {
      // What can't be handed in doesn't keep the device from hearing what it may know no longer.
      const wrong = await this.push().catch((error: Error) => {
        if (error instanceof Refused || error instanceof OutOfStep) return error;
        throw error;
      });
      await this.pull();
      await this.fetchProducts();
      if (wrong) throw wrong;
      await this.store.changeMe(() => ({ synchronized: this.clock().toISOString() }));
    });
  }

  private async push(): Promise<void> {
    const written = await this.store.look((look) => look.all("written"));
    let after = Math.max(0, ...written.filter((one) => one.state !== "").map((one) => one.number));
    for (;;) {
      const rows = await this.store.look((look) => look.all("written"));
      const mutations = rows.filter((one) => one.number > after).map((one) => one.content);
      if (mutations.length === 0) return;
      const body = JSON.stringify({ sent: this.clock().toISOString(), mutations: mutations.slice(0, MOST) });
      const answer = (await askAsDevice(this.store, "POST", "push", {}, body)) as { answers: Answer[] };
      after = await this.store.change((change) => this.answered(change, answer.answers));
    }
  }

  /** Keep what was answered; gives the number after which to go on. */
  private async answered(change: Change, answers: readonly Answer[]): Promise<number> {
    for (const one of answers) {
      if (one.state === "conflict") await renumber(change, one);
      else if (one.state === "gap") return (await firstBefore(change, one.number)) - 1;
      // Accepted is only what the feed says: until then it is laid over what was pulled.
      else await told(change, one.number, one.state === "accepted" ? "pending" : one.state, one.reason, one.detail);
    }
    return answers.at(-1)!.number;
  }

  private async pull(): Promise<void> {
    const before = await this.store.look(customersHere);
    const follows = await this.follows();
    await this.store.change(async (change) => {
      const names = new Set(follows.map((one) => one.scope));
      for (const { scope } of await change.all("scopes")) if (!names.has(scope)) change.dropScope(scope);
    });
    // The device's own scope comes first: what it says is decided is in what is pulled after it.
    let decided: Answer[] = [];
    for (const [place, one] of follows.entries()) {
      if (!(await this.pullScope(one)) && !(await this.pullScope(one, true))) {
        throw new OutOfStep(one.scope);
      }
      if (place === 0) decided = await this.store.look((look) => decisions(look, one.scope));
    }
    await this.store.change(async (change) => {
      for (const one of decided) await told(change, one.number, one.state, one.reason);
      for (const one of await change.all("written")) if (one.state === "accepted") change.drop("written", one.number);
      const now = await customersHere(change);
      const left = [...before].filter((one) => !now.has(one));
      // Whoever isn't on the device any more, of him nothing else is.
      for (const customer of left) change.drop("timelines", customer);
      const me = await change.me();
      change.put("me", { ...me, left: me.left + left.length, barred: "" });
    });
  }

  /** What the device is to know. One that may know nothing any more forgets what it knew. */
  private async follows(): Promise<Pulled["scopes"]> {
    try {
      return ((await askAsDevice(this.store, "GET", "pull")) as Pulled).scopes;
    } catch (error) {
      if (error instanceof Refused && error.status === 403)
        await this.store.change((change) => bar(change, error.detail));
      throw error;
    }
  }

  /** Fetch a scope to its end; gives whether it is the same here as there. */
  private async pullScope(follow: { scope: string; name: string }, afresh = false): Promise<boolean> {
    const { scope, name } = follow;
    let over = afresh;
    for (;;) {
      const row = over ? undefined : await this.store.look((look) => look.get("scopes", scope));
      over = false;
      const asked = { scope, after: `${row?.pos ?? 0}`, epoch: row?.epoch ?? "" };
      const answer = (await askAsDevice(this.store, "GET", "pull", asked)) as Pulled;
      const end = answer.checkpoint;
      const same = answer.rows.length === 0 && !answer.start_over ? (row?.checked ?? "") : "";
      const pos = end?.pos ?? answer.rows.at(-1)?.pos ?? row?.pos ?? 0;
      await this.store.change(async (change) => {
        if (answer.start_over) change.dropScope(scope);
        for (const { key, body } of answer.rows) {
          if (body === null) change.drop("items", [scope, key]);
          else change.put("items", { scope, key, body });
        }
        change.put("scopes", { scope, name, epoch: answer.epoch, pos, checked: same });
      });
      if (!end) continue;
      const there = `${end.count} ${end.digest}`;
      // What was compared before and hasn't changed isn't worked out again: it costs a phone's battery.
      const here = same || (await this.checked(scope));
      if (here !== there) return false;
      await this.store.change(async (change) =>
        change.put("scopes", { scope, name, epoch: answer.epoch, pos, checked: here }),
      );
      return true;
    }
  }

  /** How many items of a scope are here, and their digest, as a checkpoint has them. */
  private async checked(scope: string): Promise<string> {
    const bodies = (await this.store.look((look) => look.items(scope))).map((item) => item.body);
    return `${bodies.length} ${await digestOf(bodies)}`;
  }

  /** What can be ordered: changes seldom, so it is asked for seldom. */
  private async fetchProducts(): Promise<void> {
    const me = await this.store.look((look) => look.me());
    const now = this.clock();
    if (me.priced && now.getTime() - Date.parse(me.priced) < NEW_PRODUCTS_AFTER) return;
    const found = (await askAsDevice(this.store, "GET", "products")) as { products: Product[] };
    await this.store.change(async (change) => {
      for (const { product } of await change.all("products")) change.drop("products", product);
      for (const product of found.products) change.put("products", product);
      change.put("me", { ...(await change.me()), priced: now.toISOString() });
    });
  }

  /** Take a customer's timeline along; the rep's own session is needed for it. */
  async fetchTimeline(customer: string): Promise<void> {
    const found = (await askAsRep(`/customers/${customer}/timeline?limit=50`)) as { entries: [] };
    await this.store.change(async (change) => {
      // Meanwhile the customer may have left.
      if (!(await customersHere(change)).has(customer)) return;
      change.put("timelines", { customer, at: this.clock().toISOString(), entries: found.entries });
    });
  }

  /** The rep has seen that something was refused. */
  async dismiss(number: number): Promise<void> {
    await this.store.change(async (change) => {
      if ((await change.get("written", number))?.state === "refused") change.drop("written", number);
    });
  }
}

/** All pages of this browser are one device: two that ask at once would use one turn, and the slower one be refused. */
function alone<T>(body: () => Promise<T>): Promise<T> {
  return navigator.locks.request("crm-handheld", body) as Promise<T>;
}

/** The customers that are on this device. */
export async function customersHere(look: Change): Promise<Set<string>> {
  const keys = await look.itemKeys();
  return new Set(keys.filter((key) => !key.startsWith("mutation/")));
}

async function decisions(look: Change, scope: string): Promise<Answer[]> {
  return (await look.items(scope)).map((item) => JSON.parse(item.body) as Answer);
}

/** Keep what became of something; what was about an erased person isn't kept itself. */
async function told(change: Change, number: number, state: string, reason = "", detail = ""): Promise<void> {
  const found = await change.get("written", number);
  if (!found) return;
  const content = reason === "erased" ? { number } : found.content;
  change.put("written", { number, content, state, reason, detail: detail || found.detail });
}

/** The device may know nothing any more. Of what was written on it stays what the server hasn't got. */
async function bar(change: Change, why: string): Promise<void> {
  const left = (await customersHere(change)).size;
  change.dropPulled();
  for (const one of await change.all("written")) {
    if (one.state !== "") change.put("written", { ...one, content: { number: one.number } });
  }
  const me = await change.me();
  change.put("me", { ...me, barred: why, priced: "", left: me.left + left });
}

/** This number was used by the device that this one is a copy of: what was written here gets the next one. */
async function renumber(change: Change, one: Answer): Promise<void> {
  const me = await change.me();
  const found = await change.get("written", one.number);
  if (one.number > me.taken || !found) throw new OutOfStep(one.detail ?? "conflict");
  const number = me.number + 1;
  change.put("me", { ...me, number });
  change.drop("written", one.number);
  change.put("written", { ...found, number, content: { ...found.content, number }, state: "" });
}

/** The server lacks what came before this number: the oldest that is still here. */
async function firstBefore(change: Change, number: number): Promise<number> {
  const numbers = (await change.all("written")).map((one) => one.number);
  const first = Math.min(...numbers);
  if (first >= number) throw new OutOfStep(`${number}`);
  return first;
}
