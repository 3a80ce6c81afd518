/** A server whose people sign in with a real provider. */
import { join } from "node:path";
import type { Client, Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { CLIENT_SECRET, TestProvider } from "../support/oidc_provider.ts";
import { TestServer } from "../support/server.ts";
import { browser, codeIn, ofConsole, SESSION } from "./sessions.ts";
import { Visitor } from "./visitor.ts";

export const USERS = "/api/v1/users";
export const OWNER = "0000000000000000systemowner";
export const DEVELOPER = "000000000functionsdeveloper";
export const VIEWER = "000000000000000systemviewer";
export const USER = "00000000000000000systemuser";

/** What a step works with. */
export interface PeopleStage {
  readonly provider: TestProvider;
  readonly server: TestServer;
  /** Of the first principal. */
  readonly client: Client;
}

interface PeopleOptions {
  readonly flags?: readonly string[];
  readonly provider?: Parameters<typeof TestProvider.start>[0];
  readonly fresh?: boolean;
}

/** What people do at a server, by the name of the step. */
export type PeopleSteps = Readonly<Record<string, (stage: PeopleStage) => Promise<void>>>;

/** Registers a test whose steps share one server and one provider. */
export function peopleSuite(name: string, options: PeopleOptions, steps: PeopleSteps): void {
  Deno.test(name, (t) => withPeople(options, (stage) => runSteps(t, stage, steps)));
}

/** Registers a test whose suites share one server and one provider, one after the other. */
export function peopleSuites(
  name: string,
  options: PeopleOptions,
  suites: Readonly<Record<string, PeopleSteps>>,
): void {
  Deno.test(name, (t) =>
    withPeople(options, async (stage) => {
      for (const [suite, steps] of Object.entries(suites)) {
        await t.step(suite, (t) => runSteps(t, stage, steps));
      }
    }));
}

async function withPeople(
  { flags = [], provider: options, fresh = false }: PeopleOptions,
  work: (stage: PeopleStage) => Promise<void>,
): Promise<void> {
  await using directory = await makeTempDir();
  await using provider = await TestProvider.start(options);
  const ofProvider = await providerFlags(provider, directory.path);
  await using server = await TestServer.start({ flags: [...ofProvider, ...flags], fresh });
  provider.serverUrl = server.url;
  await work({ provider, server, client: await server.client() });
}

async function runSteps(
  t: Deno.TestContext,
  stage: PeopleStage,
  steps: PeopleSteps,
): Promise<void> {
  for (const [step, body] of Object.entries(steps)) await t.step(step, () => body(stage));
}

/** The flags of a server whose people sign in with the provider. @param directory for the file of the secret */
export async function providerFlags(
  provider: TestProvider,
  directory: string,
): Promise<readonly string[]> {
  const secretFile = join(directory, "secret");
  await Deno.writeTextFile(secretFile, `${CLIENT_SECRET}\n`);
  return provider.flags(secretFile);
}

/** Makes a person known to the provider, and signs them in. */
export async function signedIn(
  { provider, server }: Pick<PeopleStage, "provider" | "server">,
  login: string,
  groups: readonly string[] = [],
): Promise<Visitor> {
  addAccount(provider, login, groups);
  const visitor = new Visitor(server.url);
  const page = await visitor.signIn(provider, login);
  if (page.status !== 303) throw new Error(`${page.status}: ${page.text}`);
  return visitor;
}

export function addAccount(
  provider: TestProvider,
  login: string,
  groups: readonly string[] = [],
): void {
  provider.accounts.set(login, {
    name: `Name of ${login}`,
    email: `${login}@example.test`,
    groups,
  });
}

/** The principal of a signed-in browser. */
export async function principalOf(visitor: Visitor): Promise<Json> {
  return ok(await visitor.get(SESSION)).principal;
}

/** Signs the browser in with the code of a link. */
export async function useLink(visitor: Visitor, link: Json): Promise<void> {
  const answer = await browser(visitor.url).post(
    SESSION,
    { code: codeIn(link) },
    ofConsole(visitor.url),
  );
  ok(answer);
  const [pair = ""] = answer.headers.getSetCookie()[0]?.split(";") ?? [];
  const [name = "", value = ""] = pair.split("=");
  visitor.cookies.set(name, { value, attributes: "SameSite=Strict" });
}

/** A request of the console that changes something. */
export function change(
  visitor: Visitor,
  method: string,
  path: string,
  body: unknown,
) {
  const headers = { ...ofConsole(visitor.url), cookie: visitor.cookie("invoked_session") };
  return browser(visitor.url).call(method, path, body, headers);
}

/** Sets the roles of a person, and answers the user. */
export async function setRoles(
  client: Client,
  id: string,
  roleIds: readonly string[],
): Promise<Json> {
  return ok(await client.post(`${USERS}/${id}/roles`, { roleIds })).userView.user;
}
