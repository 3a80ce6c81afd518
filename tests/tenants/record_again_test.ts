/** What repeated and failed runs make of a recording, with the real commands and the example tenant. */
import assert from "node:assert/strict";
import { Running, UNCHECKED } from "../cli/support.ts";
import { makeTempDir } from "../support/invoked.ts";
import { Folder, MAIN, notesOf } from "./support/recording_folder.ts";

const RECORDED = "recording/task.createGrantTask.json";
/** A write that the example tenant answers differently each time: the number of its task grows. */
const WRITES = `import { sdk } from "@c1/functions-sdk";
export default async function main() {
  const { taskSearchResponse } = await sdk.taskSearch.search({ taskTypes: [{ grant: {} }] });
  const { appId = "", appEntitlementId = "", appUserId = "" } =
    taskSearchResponse?.list?.[0]?.task?.type?.grant ?? {};
  await sdk.task.createGrantTask({ appId, appEntitlementId, appUserId });
  return { run: "first" };
}
`;

Deno.test("runs replace what earlier runs recorded", async (t) => {
  await using directory = await makeTempDir();
  const folder = await Folder.make(directory.path, { id: "example" });
  const record = ["test", "--record", "recording"];
  notesOf(await folder.run(record));
  const earlier = await folder.read("recording/user.get.json");

  await t.step("a failed run replaces no recording", async () => {
    await folder.write(
      "main.ts",
      MAIN.replace("const [view]", 'throw new Error("early");\nconst [view]'),
    );
    const { code, stderr } = await folder.run(record);
    assert.deepEqual([code, /the recording in recording has not changed/.test(stderr)], [3, true]);
    assert.equal(await folder.read("recording/user.get.json"), earlier);
  });
  await t.step("what masking.json does not mask is printed before anything is sent", async () => {
    const fields = { "*": "keep", department: "text", "profile.office": "keep" };
    await folder.write("recording/masking.json", JSON.stringify({ fields, keep: ["User 5"] }));
    const { code, stderr } = await folder.run(record);
    assert.equal(code, 3, "the test still throws");
    const note = "Not masked because of masking.json: *, profile.office, 1 text\n";
    const began = "Recording the answers of the example tenant";
    assert.ok(stderr.includes(note) && stderr.indexOf(note) < stderr.indexOf(began), stderr);
    await folder.remove("recording/masking.json");
  });
  await t.step("dev runs once for a save, although the recording is in its folder", async () => {
    const tenant = { id: "example", access: "WRITE" };
    await folder.write("invoked.json", JSON.stringify({ name: "writes", tenant }));
    await folder.write("main.ts", WRITES);
    await using dev = new Running(
      ["dev", "--json", "--record", "recording"],
      UNCHECKED,
      folder.path,
    );
    for (const run of ["first", "second", "third"]) {
      await folder.write("main.ts", WRITES.replace("first", run));
      await dev.printed("stdout", new RegExp(`"run":"${run}"`));
    }
    assert.equal(await dev.stop("SIGTERM"), 0);
    assert.equal(dev.stdout.match(/"output"/g)?.length, 3, dev.stdout);
    const { entries } = JSON.parse(await folder.read(RECORDED));
    assert.deepEqual(entries.map(({ answers }: { answers: unknown[] }) => answers.length), [1]);
  });
});
