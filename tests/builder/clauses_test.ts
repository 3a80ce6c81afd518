/** Clauses of import and export statements, and other texts. */
import assert from "node:assert/strict";
import { readClause } from "../../src/builder/clauses.ts";

Deno.test("a text that is no clause is rejected without a try of each way to read its spaces", () => {
  // With such tries, none of these ends.
  const texts = [
    " ".repeat(100_000),
    "//".repeat(50_000),
    "/**/".repeat(50_000),
    "/* ".repeat(50_000),
  ];
  for (const text of texts) {
    assert.equal(readClause(`${text}(`, 0), undefined);
    assert.equal(readClause(`${text}\n=`, 0), undefined);
  }
});

Deno.test("spaces and comments of a clause do not count", () => {
  const clause = readClause(' /* a * b */ one, // more\n{ two as\t"thr**ee" } from "x"', 0);
  assert.deepEqual([clause?.defaultName, clause?.names], [
    "one",
    [{ from: "two", to: '"thr**ee"' }],
  ]);
});

Deno.test("spaces, comments and names are read whatever their length", () => {
  const long = 20_000_000;
  const texts = [
    " ".repeat(long),
    "/**/".repeat(long / 4),
    `/*${"a".repeat(long)}*/`,
    `/*${"*".repeat(long)}*/`,
    `//${"a".repeat(long)}\n`,
  ];
  for (const text of texts) {
    assert.deepEqual(readClause(`${text}{ one }`, 0)?.names, [{ from: "one", to: "one" }]);
  }
  for (const name of ["a".repeat(long), `"${"a".repeat(long)}"`]) {
    assert.equal(readClause(`{ ${name} }`, 0)?.names[0]?.from.length, name.length);
  }
});
