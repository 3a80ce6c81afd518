import { test } from "@c1/test";
import { countWords } from "./report.ts";

export default function registerTests() {
  test("counts errors by their word", ({ deepEqual }) => {
    deepEqual(countWords(["TIMEOUT: 30 s", "UNCAUGHT: Error", "TIMEOUT: 5 s", "odd"]), {
      TIMEOUT: 2,
      UNCAUGHT: 1,
      OTHER: 1,
    });
  });
}
