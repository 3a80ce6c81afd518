/** What is wrong with code in the console, on a server that checks types. */
import { browserTest, ConsoleBrowser } from "../support/console.ts";
import { LITTLE_CHECK_MEMORY } from "../support/huge_types.ts";
import { TestServer } from "../support/server.ts";
import { problemSteps } from "./problems.ts";
import { inTurn } from "./stage.ts";
import { typesNotChecked } from "./unchecked_types.ts";

browserTest("console: problems of the code of a function", async (t) => {
  await using server = await TestServer.start({
    env: { INVOKED_CHECK_TYPES: "true", ...LITTLE_CHECK_MEMORY },
  });
  await using console = await ConsoleBrowser.open(server);
  const client = await server.client();
  await t.step("types that could not be checked are no errors", async () => {
    // The language service of the page would check them, too.
    await using anew = await console.anew({ hasLanguageService: false });
    await typesNotChecked({ client, console: anew });
  });
  await inTurn(t, await problemSteps({ client, console, page: console.page }));
});
