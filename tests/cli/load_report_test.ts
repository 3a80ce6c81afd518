/** How the invocations of a function start, on the command line. */
import assert from "node:assert/strict";
import { BUSY } from "../support/busy.ts";
import { eventually } from "../support/eventually.ts";
import { Author } from "./support.ts";

/** Module code of more than a millisecond that reads the clock. */
const READING = `${BUSY}
const at = Date.now();
export default () => ({ at });
`;
const LOADS = "invocation runs the module code, which takes [\\d,]+ ms";

Deno.test("deploy and show report how invocations start, and evaluation changes it", async () => {
  await using author = await Author.startShared("evaluated");
  await author.write("main.ts", READING);
  assert.equal((await author.run(["deploy", "--publish"])).code, 0);
  // A deploy waits for a moment: on a busy server the report comes later.
  const reported = await eventually(async () => {
    const { code, stderr } = await author.run(["deploy"]);
    assert.equal(code, 0, stderr);
    return /^Each invocation/m.test(stderr) ? stderr : undefined;
  }, "the report of a deploy");
  const details = [
    "  main\\.ts:2 called Date\\.now",
    "    instead: read it in the handler: .*",
    "  Or set evaluation to EVALUATION_SHARED, if all invocations may share these values",
  ];
  assert.match(reported, new RegExp(`^Each ${LOADS}\n${details.join("\n")}$`, "m"));
  const { loadReport } = await author.json("deploy");
  assert.deepEqual(
    [loadReport.state, loadReport.start, loadReport.readings[0].called],
    ["LOAD_STATE_REPORTED", "INVOCATION_START_LOAD", "Date.now"],
  );
  const shown = await author.ok(["show"]);
  const indented = details.map((line) => ` +${line.trimStart()}`);
  assert.match(shown, new RegExp(`^start +each ${LOADS}\n${indented.join("\n")}$`, "m"));
  assert.deepEqual((await author.json("show")).loadReport, loadReport);

  await author.ok(["settings", "set", "evaluated", "evaluation=EVALUATION_SHARED"]);
  assert.match(
    await author.ok(["show"]),
    /^start +invocations start from a template, which ran .* ms, because of EVALUATION_SHARED\n\S/m,
  );
  await author.write(
    "invoked.json",
    `{"name": "evaluated", "evaluation": "EVALUATION_PER_CALL"}`,
  );
  const { stderr } = await author.run(["deploy"]);
  assert.match(stderr, /^Set evaluation$/m);
  assert.match(stderr, new RegExp(`^Each ${LOADS}, because of EVALUATION_PER_CALL$`, "m"));
  assert.doesNotMatch(stderr, /main\.ts:2/, "what module code reads is not the reason");
  await author.ok(["settings", "unset", "evaluated", "evaluation"]);
  assert.equal((await author.json("show")).evaluation, "EVALUATION_UNSPECIFIED");
});

Deno.test("show reports on the published commit, not on a newer head", async () => {
  await using author = await Author.startShared("newer");
  await author.write("main.ts", READING);
  await author.ok(["deploy", "--publish"]);
  await author.write("main.ts", "export default () => ({});\n");
  await author.ok(["deploy"]);
  await eventually(async () => {
    return (await author.json("show")).loadReport.start === "INVOCATION_START_LOAD" || undefined;
  }, "the report of the published commit");
  await author.ok(["publish"]);
  await eventually(async () => {
    // On a busy machine it may take longer than a millisecond.
    return /_(?:FAST|TEMPLATE)$/.test((await author.json("show")).loadReport.start) || undefined;
  }, "the report of the head");
  assert.match(
    await author.ok(["show"]),
    /^start +(?:each invocation runs .* and needs no template|invocations start from a template, .*)$/m,
  );
});
