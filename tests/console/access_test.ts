/** Who may do what, in the console: principals, credentials, roles, the log, and readers with few rights. */
import { browserTest, ConsoleBrowser } from "../support/console.ts";
import { TestServer } from "../support/server.ts";
import { keepsLog } from "./audit_log.ts";
import { makesCredentials, makesPrincipals } from "./principals.ts";
import { narrowsReaders } from "./few_rights.ts";
import { bindsFunctions, makesRoles } from "./roles.ts";
import { inTurn, type Journey } from "./stage.ts";

browserTest("console: who may do what, and who did what", async (t) => {
  await using server = await TestServer.start();
  await using console = await ConsoleBrowser.open(server, { hasLanguageService: false });
  const journey: Journey = { server, client: await server.client(), console };
  await inTurn(t, [
    ["a service principal is made and gets roles", () => makesPrincipals(journey)],
    ["a credential's secret is shown once", () => makesCredentials(journey)],
    ["a role is made, narrowed, changed and deleted", () => makesRoles(journey)],
    ["a function is bound, and loses what it need not read", () => bindsFunctions(journey)],
    ["the log is filtered, exported and verified", () => keepsLog(journey)],
    ["readers with few rights see what works for them", () => narrowsReaders(journey)],
  ]);
});
