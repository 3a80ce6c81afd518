/** The code of a function in the console: by mouse from an edit to a publish, and the same by keyboard alone. */
import { browserTest, ConsoleBrowser } from "../support/console.ts";
import { TestServer } from "../support/server.ts";
import { codeOfFunction } from "./function_code.ts";
import { codeByKeyboard } from "./keyboard.ts";

browserTest("console: the author writes code", async (t) => {
  // An invocation that the test cancels runs until then, however late that is.
  await using server = await TestServer.start({ flags: ["--invocation-timeout", "10m"] });
  await using console = await ConsoleBrowser.open(server);
  const client = await server.client();
  await t.step(
    "console: the code of a function",
    (t) => codeOfFunction(t, { server, client, console }),
  );
  await t.step("console: a function by keyboard alone", async (t) => {
    await using anew = await console.anew();
    await codeByKeyboard(t, { server, client, console: anew });
  });
});
