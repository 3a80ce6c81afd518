/**
 * The code of a function in the console: by mouse from an edit to a publish, the same by keyboard alone, and drafts in two
 * tabs. The language service of the editor starts once, for all that is about it.
 */
import { freePort } from "../../deploy/local_cluster/network.ts";
import { browserTest, ConsoleBrowser } from "../support/console.ts";
import { removeDirectory } from "../support/invoked.ts";
import { makeDataDir, TestServer } from "../support/server.ts";
import { draftsOfFunction } from "./drafts.ts";
import { codeOfFunction } from "./function_code.ts";
import { codeByKeyboard } from "./keyboard.ts";
import { languageOfEditor } from "./language.ts";

browserTest("console: the author writes code", async (t) => {
  const dataDir = await makeDataDir();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => removeDirectory(dataDir));
  // An invocation that the test cancels runs until then, however late that is.
  const flags = ["--port", String(freePort()), "--invocation-timeout", "10m"];
  const start = async () => stack.use(await TestServer.start({ dataDir, flags }));
  const server = await start();
  await using console = await ConsoleBrowser.open(server);
  const client = await server.client();
  const journey = { server, client, console };
  await t.step("console: the code of a function", (t) => codeOfFunction(t, journey));
  await t.step("console: what the editor knows", (t) => languageOfEditor(t, journey));
  await t.step("console: a function by keyboard alone", (t) => codeByKeyboard(t, journey));
  await t.step("console: drafts of a function", async (t) => {
    await using anew = await console.anew({ hasLanguageService: false });
    const restart = async () => await (await start()).client();
    await draftsOfFunction(t, { server, client, console: anew }, restart);
  });
});
