/** The rep's app on a small screen: a device of the protocol in docs/devices.md, in a browser. */

import { customerPage } from "./handheld/customer";
import { OutOfStep } from "./handheld/device";
import { el, put } from "./handheld/dom";
import { editForm, noteForm, orderForm } from "./handheld/forms";
import { type Doing, listing, type Screen, welcome } from "./handheld/listing";
import { canSign } from "./handheld/signing";
import { standing } from "./handheld/standing";
import { State } from "./handheld/state";
import { Store } from "./handheld/store";
import type { Shell } from "./handheld/texts";
import { Away, Refused, SignIn } from "./handheld/way";

const EVERY = 60_000;
const WORKER = "/handheld/worker.js";
const SCOPE = "/handheld";
const SIGN_IN = `/sign-in?return=${encodeURIComponent(SCOPE)}`;
/** That the rep has gone to sign in, to renew the device when he is back. */
const RENEWS = "crm-handheld-renews";
const MEMBER = "([0-9a-f-]{36})";

const part = (id: string): HTMLElement => document.getElementById(id)!;

class App {
  private screen: Screen | null = null;
  private at = "";
  private running: Promise<void> | null = null;
  private again = false;
  /** Other pages of this browser, which are the same device. */
  private readonly others = new BroadcastChannel("crm-handheld");

  constructor(
    private readonly state: State,
    private readonly able: boolean,
  ) {
    this.others.onmessage = () => void this.refresh();
    addEventListener("hashchange", () => this.route());
    addEventListener("online", () => void this.synchronize());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void this.synchronize();
    });
    setInterval(() => {
      if (document.visibilityState === "visible") void this.synchronize();
    }, EVERY);
  }

  async start(): Promise<void> {
    await this.state.load();
    this.route();
    if (!this.state.me.device) return;
    void navigator.serviceWorker?.register(WORKER, { scope: SCOPE });
    const renews = sessionStorage.getItem(RENEWS) !== null;
    sessionStorage.removeItem(RENEWS);
    if (renews) await this.attempt(() => this.state.device.renew());
    await this.synchronize();
  }

  /** What the address after the # names. */
  private route(): void {
    const hash = location.hash || "#/";
    if (!hash.startsWith("#/")) return; // the link to the content
    const isFirst = this.at === "";
    this.at = hash;
    this.screen = this.screenAt(hash);
    document.title = `${this.screen.heading} · ${part("name-of-app").textContent}`;
    part("heading").textContent = this.screen.heading;
    part("back").hidden = hash === "#/" || !this.state.me.device;
    put(part("content"));
    this.draw(true);
    if (!isFirst) {
      part("heading").focus({ preventScroll: true });
      scrollTo(0, 0);
    }
  }

  private screenAt(hash: string): Screen {
    const { state, doing } = this;
    if (!state.me.device) return welcome(state, doing, this.able);
    if (hash === "#/state") return standing(state, doing);
    const match = new RegExp(`^#/customers/${MEMBER}(?:/(note|order|edit)(?:/([^/]+))?)?$`).exec(hash);
    const [, member, what, field] = match ?? [];
    if (!member) return listing(state, doing);
    if (what === "note") return noteForm(state, doing, member);
    if (what === "order") return orderForm(state, doing, member);
    if (what === "edit" && field) return editForm(state, doing, member, decodeURIComponent(field));
    return customerPage(state, doing, member);
  }

  private draw(first = false): void {
    const asks = document.querySelector("dialog[open]") !== null;
    if (first || !(this.screen?.once || asks)) this.screen?.draw(part("content"));
    part("state").hidden = !this.state.me.device;
    // Told to who can't see only when it is another one.
    const line = this.state.line;
    if (part("line").textContent !== line) part("line").textContent = line;
  }

  private async refresh(): Promise<void> {
    await this.state.load();
    this.draw();
  }

  private async changed(): Promise<void> {
    this.others.postMessage("changed");
    await this.refresh();
  }

  /** Hand in and fetch; when it is asked for meanwhile, once more after that. */
  private synchronize(): Promise<void> {
    this.again = true;
    this.running ??= this.rounds().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async rounds(): Promise<void> {
    while (this.again && this.state.me.device && this.state.me.turn !== null) {
      this.again = false;
      this.state.phase = "working";
      this.draw();
      await this.attempt(() => this.state.device.synchronize());
    }
    this.again = false;
    if (this.state.me.device && this.state.me.turn === null && this.state.phase === "idle") {
      this.state.phase = "sign_in";
      this.draw();
    }
  }

  private async attempt(body: () => Promise<void>): Promise<void> {
    this.state.detail = "";
    try {
      await body();
      this.state.phase = "idle";
    } catch (error) {
      if (error instanceof SignIn) this.state.phase = "sign_in";
      else if (error instanceof Refused) this.state.phase = "denied";
      else if (error instanceof OutOfStep) this.state.phase = "out_of_step";
      else if (error instanceof Away) this.state.phase = "away";
      else {
        this.state.phase = "failed";
        reportError(error);
      }
      if (!(error instanceof Away) && !(error instanceof SignIn)) this.state.detail = (error as Error).message;
    } finally {
      await this.changed();
    }
  }

  private readonly doing: Doing = {
    go: (hash) => {
      location.hash = hash;
    },
    write: async (customer, make) => {
      await this.state.device.write(customer, make);
      await this.changed();
      void this.synchronize();
    },
    synchronize: () => this.synchronize(),
    seen: async () => {
      await this.state.store.changeMe(() => ({ left: 0 }));
      await this.changed();
    },
    dismiss: async (number) => {
      await this.state.device.dismiss(number);
      await this.changed();
    },
    enrol: async (name) => {
      try {
        await this.state.device.enrol(name, this.state.shell.rep);
      } catch (error) {
        if (error instanceof SignIn) return this.signIn();
        throw error instanceof Away ? new Error(this.state.words.say("away")) : error;
      }
      void navigator.storage?.persist?.();
      await this.changed();
      this.route();
      await this.start();
    },
    renew: async () => {
      await this.attempt(async () => {
        try {
          await this.state.device.renew();
        } catch (error) {
          if (error instanceof SignIn) {
            sessionStorage.setItem(RENEWS, "");
            this.signIn();
          }
          throw error;
        }
      });
      await this.synchronize();
    },
    timeline: async (customer) => {
      const { words } = this.state;
      const say = (name: string) => put(part("timeline-said"), words.say(name));
      try {
        await this.state.device.fetchTimeline(customer);
        await this.changed();
      } catch (error) {
        say(error instanceof SignIn ? "timeline_sign_in" : error instanceof Away ? "away" : "timeline_refused");
        if (error instanceof SignIn)
          part("timeline-said").append(" ", el("a", { href: SIGN_IN }, words.say("sign_in_link")));
      }
    },
    remove: async () => {
      const registrations = (await navigator.serviceWorker?.getRegistrations()) ?? [];
      await Promise.all(registrations.map((one) => one.unregister()));
      for (const name of await caches.keys()) await caches.delete(name);
      await this.state.store.remove();
      (part("leave") as HTMLFormElement).submit();
    },
  };

  private signIn(): void {
    location.assign(SIGN_IN);
  }
}

async function start(): Promise<void> {
  const shell = JSON.parse(document.body.dataset.shell!) as Shell;
  const store = await Store.open(() => location.reload());
  await new App(new State(store, shell), await canSign()).start();
}

void start();
