/** The provider confirms sessions again and again: a person who is gone loses their session, a group that is gone its roles. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import {
  addAccount,
  change,
  DEVELOPER,
  type PeopleStage,
  peopleSuite,
  peopleSuites,
  principalOf,
  signedIn,
} from "./people.ts";
import { FUNCTIONS, SESSION } from "./sessions.ts";
import { ON_RECORD } from "./sign_in_audit.ts";
import { LOGIN, type Visitor } from "./visitor.ts";

/** The reason of an error, or the status of another answer. */
async function outcome(visitor: Visitor): Promise<string> {
  const { status, body } = await visitor.get(FUNCTIONS);
  return body.details?.[0]?.reason ?? String(status);
}

async function until(visitor: Visitor, expected: string): Promise<void> {
  await eventually(async () => await outcome(visitor) === expected || undefined, expected);
}

async function groups(stage: PeopleStage): Promise<void> {
  const { provider } = stage;
  const visitor = await signedIn(stage, "gina", ["dev"]);
  assert.equal(await outcome(visitor), "200");
  addAccount(provider, "gina");
  await until(visitor, "ROLE_MISSING");
  addAccount(provider, "gina", ["dev"]);
  await until(visitor, "200");
  assert.deepEqual((await principalOf(visitor)).roles, [DEVELOPER]);
}

async function gone(stage: PeopleStage): Promise<void> {
  const visitor = await signedIn(stage, "gone", ["dev"]);
  stage.provider.accounts.delete("gone");
  await until(visitor, "SESSION_ENDED");
  addAccount(stage.provider, "gone", ["dev"]);
  assert.equal(await outcome(visitor), "SESSION_ENDED");
}

async function swapped(stage: PeopleStage): Promise<void> {
  const { provider } = stage;
  const [visitor, other] = [
    await signedIn(stage, "swap1", ["dev"]),
    await signedIn(stage, "swap2"),
  ];
  const tokens: Record<string, unknown>[] = [];
  provider.forgeries.set("/token", (body) => {
    tokens.push(body);
    return body;
  });
  await eventually(async () => await other.get(SESSION) && tokens[0], "a token of the other");
  // The provider answers with the token of another person.
  provider.forgeries.set("/token", (body) => ({ ...body, id_token: tokens[0]?.["id_token"] }));
  await until(visitor, "SESSION_ENDED");
  provider.forgeries.clear();
}

/** The provider answers with the claims of another person. */
async function swappedClaims(stage: PeopleStage): Promise<void> {
  const { provider } = stage;
  const visitor = await signedIn(stage, "info1", ["dev"]);
  provider.forgeries.set("/me", (claims) => ({ ...claims, sub: "info2" }));
  await until(visitor, "SESSION_ENDED");
  provider.forgeries.clear();
}

async function atOnce(stage: PeopleStage): Promise<void> {
  const { provider } = stage;
  const visitor = await signedIn(stage, "many", ["dev"]);
  const asked = () => provider.requests.filter((request) => request === "POST /token").length;
  const before = asked();
  // Each confirmation is asked for once, however many requests wait for it.
  await eventually(async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => visitor.get(FUNCTIONS)));
    assert.deepEqual(answers.map(({ status }) => status), Array(10).fill(200));
    return asked() > before || undefined;
  });
  assert.equal(asked(), before + 1);
}

async function outage(stage: PeopleStage): Promise<void> {
  const { provider } = stage;
  const visitor = await signedIn(stage, "patient", ["dev"]);
  const { id } = ok(await visitor.get(SESSION));
  provider.outage = 500;
  await until(visitor, "PROVIDER_UNAVAILABLE");
  const answer = await visitor.get(FUNCTIONS);
  assertError(answer, "PROVIDER_UNAVAILABLE", /console link --owner/);
  assert.ok(Number(answer.headers.get("retry-after")) >= 1);
  // The page of the sign-in still learns the ways to sign in.
  assert.deepEqual(ok(await visitor.get(SESSION)), { providerSignInPath: LOGIN });
  provider.outage = undefined;
  await until(visitor, "200");
  assert.equal(ok(await visitor.get(SESSION)).id, id);
  ok(await change(visitor, "DELETE", SESSION, {}));
}

/** An error that nobody expects, here of tokens that were changed in the database, keeps no other request waiting. */
async function failing(stage: PeopleStage): Promise<void> {
  const { dataDir } = stage.server;
  const visitor = await signedIn(stage, "unlucky", ["dev"]);
  const { id } = ok(await visitor.get(SESSION));
  using database = new DatabaseSync(join(dataDir, "invoked.db"), { timeout: 60_000 });
  const change = database.prepare(
    "update session_confirmations set sealed_tokens = ? where session_id = ?",
  );
  change.run(new Uint8Array(64), id);
  await until(visitor, "DATA_DAMAGED");
  const { asking_ends_at: askingEndsAt } = database
    .prepare("select asking_ends_at from session_confirmations where session_id = ?").get(id) ?? {};
  assert.equal(askingEndsAt, null);
}

const ROLES = ["--oidc-role-map", "dev=functions:developer"];
const OFTEN = [...ROLES, "--oidc-refresh", "1s", "--token-rate", "0"];

peopleSuites("sessions that the provider confirms again and again", { flags: OFTEN }, {
  "the audit log of sign-ins": ON_RECORD,
  "the provider confirms sessions again": {
    "and takes the roles of a group that is gone": groups,
    "and ends the session of a person who is gone": gone,
    "and cannot pass one person off as another": swapped,
    "once for all requests that wait for it": atOnce,
    "unless it is not available, which ends no session": outage,
    "and an unexpected error lets others ask": failing,
  },
});

peopleSuite("a provider that has the claims of people in userinfo", {
  flags: OFTEN,
  provider: { userinfoOnly: true },
}, { "is asked there": groups, "and for nobody else": swappedClaims });

peopleSuite("a provider without refresh tokens", { flags: OFTEN, provider: { refreshes: false } }, {
  "ends sessions after the interval": async (stage) => {
    const visitor = await signedIn(stage, "short", ["dev"]);
    assert.ok((visitor.cookies.get("invoked_session")?.attributes ?? "").startsWith("Max-Age="));
    await until(visitor, "SESSION_ENDED");
    assert.equal(stage.provider.requests.filter((one) => one === "POST /token").length, 1);
  },
});
