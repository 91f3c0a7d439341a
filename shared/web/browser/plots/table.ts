/** The numbers of a plot, read from its table: the table is for whoever would rather read, and the one truth. */

export interface Numbers {
  /** What the first column is called, and its cells. */
  axis: string;
  rows: string[];
  /** Whether the first column holds instants (ISO 8601 in data-value). */
  isTime: boolean;
  series: { name: string; values: (number | null)[] }[];
}

function valueOf(cell: HTMLTableCellElement | undefined): string {
  return cell?.dataset.value ?? cell?.querySelector("time")?.dateTime ?? cell?.textContent?.trim() ?? "";
}

function numberOf(cell: HTMLTableCellElement | undefined): number | null {
  const text = valueOf(cell);
  return text === "" || Number.isNaN(Number(text)) ? null : Number(text);
}

export function read(table: HTMLTableElement): Numbers {
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
  const rows = [...(table.tBodies[0]?.rows ?? [])];
  const first = rows.map((row) => valueOf(row.cells[0]));
  return {
    axis: heads[0]?.textContent?.trim() ?? "",
    rows: first,
    isTime: first.length > 0 && first.every((text) => /^\d{4}-\d\d-\d\d/.test(text)),
    series: heads.slice(1).map((head, index) => ({
      name: head.textContent?.trim() ?? "",
      values: rows.map((row) => numberOf(row.cells[index + 1])),
    })),
  };
}
