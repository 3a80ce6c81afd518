import { registerTests, test, type TestContext } from "@c1/test";
import { countWords } from "./words.ts";

registerTests({ volume: { files: { "inbox/a.txt": "one two", "inbox/b.md": "not counted" } } });

export default function register({ handler }: TestContext) {
  test("counts words", ({ equal }) => {
    equal(countWords("Hello, big world!"), 3);
  });
  test("reads the text files of the inbox", async ({ deepEqual }) => {
    deepEqual(await handler({}), { files: 1, counts: { "a.txt": 2 } });
  });
}
