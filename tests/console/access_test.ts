/** Who may do what, in the console: principals, credentials, roles, trusts, the log, and readers with few rights. */
import { join } from "node:path";
import { CA } from "../egress/certificates.ts";
import { providerFlags } from "../identity/people.ts";
import { browserTest, ConsoleBrowser } from "../support/console.ts";
import { makeTempDir } from "../support/invoked.ts";
import { LOOPBACK } from "../support/loopback.ts";
import { TestProvider } from "../support/oidc_provider.ts";
import { TestServer } from "../support/server.ts";
import { TokenIssuer } from "../identity/token_issuer.ts";
import { exportsLog, keepsLog } from "./audit_log.ts";
import { becomesOwner, managesPeople } from "./people.ts";
import { makesCredentials, makesOwnClients, makesPrincipals } from "./principals.ts";
import { narrowsReaders } from "./few_rights.ts";
import { forgetsReaders, keepsTextsApart } from "./other_reader.ts";
import { trustsJobs } from "./trusts.ts";
import { bindsFunctions, makesRoles } from "./roles.ts";
import { inTurn, type Journey } from "./stage.ts";

browserTest("console: who may do what, and who did what", async (t) => {
  await using directory = await makeTempDir();
  await using provider = await TestProvider.start();
  await using issuer = new TokenIssuer();
  const caFile = join(directory.path, "ca.pem");
  await Deno.writeTextFile(caFile, CA);
  const exportDir = join(directory.path, "exports");
  await Deno.mkdir(exportDir);
  const flags = [
    ...await providerFlags(provider, directory.path),
    ...["--oidc-role-map", "dev=functions:developer"],
    ...["--egress-ca", caFile, ...LOOPBACK, "--audit-export-dir", exportDir],
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
    ["jobs are trusted by their tokens", () => trustsJobs(journey, issuer)],
    ["a reader creates a client of their own", () => makesOwnClients(journey)],
    ["the log is filtered, downloaded and verified", () => keepsLog(journey)],
    ["the log is exported to a file", () => exportsLog(journey, exportDir)],
    ["a person signs in, gets a role, and is offboarded", () => managesPeople(journey, provider)],
    ["readers with few rights see what works for them", () => narrowsReaders(journey)],
    ["the next reader of a page sees nothing of the one before", () => forgetsReaders(journey)],
    ["unsaved texts are their author's", () => keepsTextsApart(journey)],
    ["who came with a link becomes an owner", () => becomesOwner(journey, provider)],
  ]);
});
