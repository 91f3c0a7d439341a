/** What the pages of the device show: everything that is on it, read at once, and what is going on. */

import { customersOf, isOpen } from "./customers";
import { Device } from "./device";
import type { Me, Store, Timeline, Written } from "./store";
import type { Shell } from "./texts";
import { Words } from "./texts";
import type { Customer, Product } from "./types";

/** What is going on with the server. */
export type Phase = "idle" | "working" | "away" | "sign_in" | "denied" | "out_of_step" | "failed";

export class State {
  readonly device: Device;
  readonly words: Words;
  me!: Me;
  customers = new Map<string, Customer>();
  written: Written[] = [];
  timelines = new Map<string, Timeline>();
  products: Product[] = [];
  scopes: string[] = [];
  phase: Phase = "idle";
  /** The server's words about it. */
  detail = "";

  constructor(
    readonly store: Store,
    readonly shell: Shell,
  ) {
    this.device = new Device(store);
    this.words = new Words(shell);
  }

  async load(): Promise<void> {
    await this.store.look(async (look) => {
      this.me = await look.me();
      this.written = await look.all("written");
      this.customers = customersOf(await look.all("items"), this.written, this.shell.fields);
      this.timelines = new Map((await look.all("timelines")).map((one) => [one.customer, one]));
      this.products = await look.all("products");
      this.scopes = (await look.all("scopes"))
        .filter((one) => !one.scope.startsWith("device/"))
        .map((one) => one.name || one.scope.replace("territory/", ""));
    });
  }

  /** What wasn't handed in yet. */
  get waiting(): number {
    return this.written.filter((one) => one.state === "").length;
  }

  /** What was handed in, and nobody has decided. */
  get undecided(): number {
    return this.written.filter((one) => isOpen(one) && one.state !== "").length;
  }

  get refused(): Written[] {
    return this.written.filter((one) => one.state === "refused");
  }

  /** The state of affairs in one line. */
  get line(): string {
    const parts = [];
    if (this.phase === "working") parts.push(this.words.say("working"));
    else if (this.me.barred) parts.push(this.words.say("barred_short"));
    else if (this.phase !== "idle") parts.push(this.words.say(`${this.phase}_short`));
    if (this.waiting) parts.push(this.words.count("waiting", this.waiting));
    if (this.refused.length) parts.push(this.words.count("refused", this.refused.length));
    const at = this.me.synchronized;
    if (at) parts.push(this.words.say("synchronized", { at: this.words.instant(at) }));
    return parts.join(" · ");
  }

  /** What can be ordered: the list of products, and what customers have ordered before. */
  get orderable(): Map<string, Product> {
    const found = new Map<string, Product>();
    for (const customer of this.customers.values()) {
      for (const order of customer.orders) {
        for (const { product, name, unit_price } of order.lines ?? []) {
          const currency = order.currency ?? "";
          found.set(product, { product, name: name || product, unit_price, currency });
        }
      }
    }
    for (const product of this.products) found.set(product.product, product);
    return found;
  }
}
