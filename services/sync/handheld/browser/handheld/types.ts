/** What the server sends to devices, and what devices send. docs/devices.md. */

export interface FieldValue {
  value: string | string[];
  /** The claims that an edit has seen. */
  heads: string[];
  /** The claims between which a person has to choose. */
  open?: string[];
}

export interface Line {
  product: string;
  name?: string;
  quantity: number;
  unit_price: number;
}

export interface Order {
  order: string;
  state: string;
  at: string | null;
  lines: Line[];
  currency?: string;
  total?: number;
  promised?: string;
  problem?: string;
  reason?: string;
  /** Written here, and not known to the server's feed yet. */
  own?: boolean;
}

export interface Note {
  note: string;
  /** Missing: hidden from the rep's role. */
  text?: string;
  at: string;
  author: string;
  own?: boolean;
}

/** The whole state of one customer. */
export interface Customer {
  customer: string;
  mates: string[];
  territory: string;
  fields: Record<string, FieldValue>;
  orders: Order[];
  notes: Note[];
  value: { amount: number; currency: string; orders: number } | null;
  segments: { segment: string; since: string }[];
  masked?: string[];
}

/** One entry of a timeline. */
export interface Entry {
  id: string;
  type: string;
  title: string;
  occurred: string;
  source: string;
  author: string;
  data: Record<string, unknown> | null;
  erased?: boolean;
}

/** Something that can be ordered. */
export interface Product {
  product: string;
  name: string;
  unit_price: number;
  currency: string;
}

export interface Claim {
  id: string;
  field: string;
  value: string;
  saw: string[];
}

export type Content =
  | { kind: "note"; note: string; text: string }
  | { kind: "edit"; claims: Claim[] }
  | { kind: "order"; order: string; lines: Line[]; currency: string };

/** What was written on a device: numbered 1, 2, 3 … and taken once. */
export type Mutation = { number: number; made: string; customer: string } & Content;

export interface Answer {
  number: number;
  state: string;
  reason?: string;
  detail?: string;
}

export interface Pulled {
  scopes: { scope: string; name: string }[];
  epoch: string;
  start_over: boolean;
  rows: { key: string; pos: number; body: string | null }[];
  checkpoint: { epoch: string; pos: number; count: number; digest: string } | null;
  turn: number;
}

/** A field of customers, as the department describes it. */
export interface FieldKind {
  name: string;
  label: string;
  kind: string;
  many: boolean;
  /** It takes no new value. */
  retired?: boolean;
  choices: { value: string; label: string }[];
}
