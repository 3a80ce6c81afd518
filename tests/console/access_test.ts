/** Who may do what, in the console: principals, credentials, roles, the log, and readers with few rights. */
import { providerFlags } from "../identity/people.ts";
import { browserTest, ConsoleBrowser } from "../support/console.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestProvider } from "../support/oidc_provider.ts";
import { TestServer } from "../support/server.ts";
import { keepsLog } from "./audit_log.ts";
import { becomesOwner, managesPeople } from "./people.ts";
import { makesCredentials, makesPrincipals } from "./principals.ts";
import { narrowsReaders } from "./few_rights.ts";
import { forgetsReaders } from "./other_reader.ts";
import { bindsFunctions, makesRoles } from "./roles.ts";
import { inTurn, type Journey } from "./stage.ts";

browserTest("console: who may do what, and who did what", async (t) => {
  await using directory = await makeTempDir();
  await using provider = await TestProvider.start();
  const flags = [
    ...await providerFlags(provider, directory.path),
    ...["--oidc-role-map", "dev=functions:developer"],
  ];
  await using server = await TestServer.start({ flags });
  provider.serverUrl = server.url;
  await using console = await ConsoleBrowser.open(server, { hasLanguageService: false });
  const journey: Journey = { server, client: await server.client(), console };
  await inTurn(t, [
    ["a service principal is made and gets roles", () => makesPrincipals(journey)],
    ["a credential's secret is shown once", () => makesCredentials(journey)],
    ["a role is made, narrowed, changed and deleted", () => makesRoles(journey)],
    ["a function is bound, and loses what it need not read", () => bindsFunctions(journey)],
    ["the log is filtered, exported and verified", () => keepsLog(journey)],
    ["a person signs in, gets a role, and is offboarded", () => managesPeople(journey, provider)],
    ["readers with few rights see what works for them", () => narrowsReaders(journey)],
    ["the next reader of a page sees nothing of the one before", () => forgetsReaders(journey)],
    ["who came with a link becomes an owner", () => becomesOwner(journey, provider)],
  ]);
});
