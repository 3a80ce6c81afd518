import { createHash, type Hash } from "node:crypto";
import type { Value } from "../sqlite/table_rows.ts";

const DIGEST_BITS = 256n;

/** Counts rows, and adds up their hashes: two tables with the same rows in any order have the same digest. */
export class TableDigest {
  #rows = 0;
  #sum = 0n;

  add(row: readonly Value[]): void {
    const hash = createHash("sha256");
    for (const value of row) addValue(hash, value);
    this.#sum = (this.#sum + BigInt(`0x${hash.digest("hex")}`)) % (1n << DIGEST_BITS);
    this.#rows++;
  }

  get rows(): number {
    return this.#rows;
  }

  /** 64 hexadecimal digits. */
  get digest(): string {
    return this.#sum.toString(16).padStart(64, "0");
  }
}

/** Adds the type, the length and the content, so that no two rows have the same bytes. */
function addValue(hash: Hash, value: Value): void {
  if (value === null) hash.update("n");
  else if (typeof value === "object") hash.update(`b${value.length}:`).update(value);
  else if (typeof value === "string") {
    const bytes = new TextEncoder().encode(value);
    hash.update(`s${bytes.length}:`).update(bytes);
  } else hash.update(`i${value};`);
}
