import { openStore } from "../../src/store/mod.ts";
import { makeTempDir } from "../support/invoked.ts";
import { testConformance } from "./conformance/mod.ts";

Deno.test("a store on SQLite", async (t) => {
  await testConformance(t, async (work) => {
    await using directory = await makeTempDir();
    await using store = await openStore(directory.path);
    await work(store);
  });
});
