/** Everything that the device keeps, in IndexedDB: who it is, what it pulled, what was written on it. */

import type { Entry, Mutation, Product } from "./types";

const NAME = "crm-handheld";
const VERSION = 1;

/** Who this device is, and how far it has come. One record, so that its parts change together. */
export interface Me {
  id: 1;
  device: string;
  name: string;
  rep: string;
  keys: CryptoKeyPair | null;
  /** None: the server knows no key of this device, so the rep has to sign in. */
  turn: number | null;
  /** Kept before a request is sent, and the same until there is an answer. */
  request: string | null;
  /** The number of the last mutation. */
  number: number;
  /** Up to which number the server had taken something at the last renewal. */
  taken: number;
  /** When everything was last handed in and fetched; empty: never. */
  synchronized: string;
  /** Why the server lets this device know nothing; empty: it does. */
  barred: string;
  /** How many customers left the device, until the rep has seen it. */
  left: number;
  /** When products were last asked for. */
  priced: string;
}

/** How far a part of the feed is here. */
export interface Scope {
  scope: string;
  name: string;
  epoch: string;
  pos: number;
  /** Count and digest as worked out here, once they were compared with the server's; empty before. */
  checked: string;
}

/** A pulled item; `body` is its JSON as it came, of which the digest is. */
export interface Item {
  scope: string;
  key: string;
  body: string;
}

/** What was written here, and what the server says of it: "" nothing yet, "pending" done but not seen in the feed. */
export interface Written {
  number: number;
  content: Mutation | { number: number };
  state: string;
  reason: string;
  detail: string;
}

/** The newest of a customer's timeline, as it was when it was last asked for. */
export interface Timeline {
  customer: string;
  at: string;
  entries: Entry[];
}

interface Tables {
  me: Me;
  scopes: Scope;
  items: Item;
  written: Written;
  timelines: Timeline;
  products: Product;
}

const KEYS: Record<keyof Tables, string | string[]> = {
  me: "id",
  scopes: "scope",
  items: ["scope", "key"],
  written: "number",
  timelines: "customer",
  products: "product",
};
const PULLED = ["scopes", "items", "timelines", "products"] as const;

const NOBODY: Me = {
  id: 1,
  device: "",
  name: "",
  rep: "",
  keys: null,
  turn: null,
  request: null,
  number: 0,
  taken: 0,
  synchronized: "",
  barred: "",
  left: 0,
  priced: "",
};

/** One transaction: all of it is kept, or nothing. Nothing but it may be waited for meanwhile. */
export class Change {
  constructor(private readonly transaction: IDBTransaction) {}

  get<T extends keyof Tables>(table: T, key: IDBValidKey): Promise<Tables[T] | undefined> {
    return answered(this.transaction.objectStore(table).get(key));
  }

  all<T extends keyof Tables>(table: T): Promise<Tables[T][]> {
    return answered(this.transaction.objectStore(table).getAll());
  }

  /** The keys of all items, without the items. */
  async itemKeys(): Promise<string[]> {
    const keys = await answered(this.transaction.objectStore("items").getAllKeys());
    return keys.map((pair) => (pair as [string, string])[1]);
  }

  put<T extends keyof Tables>(table: T, row: Tables[T]): void {
    this.transaction.objectStore(table).put(row);
  }

  drop<T extends keyof Tables>(table: T, key: IDBValidKey | IDBKeyRange): void {
    this.transaction.objectStore(table).delete(key);
  }

  /** Forget all that was pulled; what was written here stays. */
  dropPulled(): void {
    for (const table of PULLED) this.transaction.objectStore(table).clear();
  }

  dropScope(scope: string): void {
    this.drop("scopes", scope);
    this.drop("items", rangeOf(scope));
    // What the rep may see can be another now, and timelines aren't told apart by scope.
    this.transaction.objectStore("timelines").clear();
  }

  items(scope: string): Promise<Item[]> {
    return answered(this.transaction.objectStore("items").getAll(rangeOf(scope)));
  }

  async me(): Promise<Me> {
    return (await this.get("me", 1)) ?? { ...NOBODY };
  }
}

/** The database of this browser. */
export class Store {
  private constructor(private readonly database: IDBDatabase) {}

  static async open(closed: () => void): Promise<Store> {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      for (const [name, keyPath] of Object.entries(KEYS)) request.result.createObjectStore(name, { keyPath });
    };
    const database = await answered(request);
    // Another page of this browser removes the device.
    database.onversionchange = () => {
      database.close();
      closed();
    };
    return new Store(database);
  }

  /** Read, from one moment. */
  look<T>(body: (change: Change) => Promise<T>): Promise<T> {
    return this.run("readonly", body);
  }

  /** Read and write; kept once the promise is fulfilled, also if the power goes. */
  change<T>(body: (change: Change) => Promise<T>): Promise<T> {
    return this.run("readwrite", body);
  }

  async changeMe(values: (me: Me) => Partial<Me>): Promise<Me> {
    return await this.change(async (change) => {
      const before = await change.me();
      const me = { ...before, ...values(before) };
      change.put("me", me);
      return me;
    });
  }

  /** Remove everything from this browser. */
  async remove(): Promise<void> {
    this.database.close();
    await answered(indexedDB.deleteDatabase(NAME));
  }

  private async run<T>(mode: IDBTransactionMode, body: (change: Change) => Promise<T>): Promise<T> {
    const transaction = this.database.transaction(Object.keys(KEYS), mode, { durability: "strict" });
    const ended = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("aborted"));
    });
    ended.catch(() => {}); // told below, or by what the body raised
    try {
      const found = await body(new Change(transaction));
      await ended;
      return found;
    } catch (error) {
      try {
        transaction.abort();
      } catch {
        // It has ended already.
      }
      throw error;
    }
  }
}

function rangeOf(scope: string): IDBKeyRange {
  return IDBKeyRange.bound([scope], [scope, []]); // arrays come after all texts
}

function answered<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
