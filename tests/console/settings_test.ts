/** The triggers, the history and the settings of a function in the console. */
import { join } from "node:path";
import { CA } from "../egress/certificates.ts";
import { browserTest, ConsoleBrowser } from "../support/console.ts";
import { makeTempDir } from "../support/invoked.ts";
import { LOOPBACK } from "../support/loopback.ts";
import { TestServer } from "../support/server.ts";
import { KeyHost } from "../triggers/key_host.ts";
import { tabsOfFunction } from "./function_tabs.ts";
import { startOfInvocations } from "./load_report.ts";
import { eachSetting } from "./settings.ts";
import type { Journey } from "./stage.ts";
import { eachTrigger } from "./triggers.ts";

browserTest("console: triggers, history and settings", async (t) => {
  await using directory = await makeTempDir();
  await using keys = new KeyHost();
  const ca = join(directory.path, "ca.pem");
  await Deno.writeTextFile(ca, CA);
  const flags = ["--egress-ca", ca, ...LOOPBACK];
  // A stream that the test stops goes on until then, however late that is.
  flags.push("--invocation-timeout", "10m", "--endpoint-idle-timeout", "10m");
  await using server = await TestServer.start({ flags });
  await using console = await ConsoleBrowser.open(server, { hasLanguageService: false });
  const journey: Journey = { server, client: await server.client(), console };
  await t.step(
    "console: each trigger is made, tested and changed",
    (t) => eachTrigger(t, journey, keys),
  );
  await t.step(
    "console: history, triggers and settings of a function",
    (t) => tabsOfFunction(t, journey),
  );
  await t.step(
    "console: each setting of a function, and its danger zone",
    (t) => eachSetting(t, journey),
  );
  await t.step("console: how invocations start", () => startOfInvocations(journey));
});
