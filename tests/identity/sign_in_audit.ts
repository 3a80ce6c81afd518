/** The audit log has every sign-in and sign-out, and every response, cookie and assertion that was rejected. */
import assert from "node:assert/strict";
import { added, assertOcsf } from "../audit/support.ts";
import { eventually } from "../support/eventually.ts";
import type { Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { runInvoked } from "../support/invoked.ts";
import {
  addAccount,
  change,
  DEVELOPER,
  type PeopleStage,
  type PeopleSteps,
  principalOf,
  signedIn,
  useLink,
  USERS,
} from "./people.ts";
import { browser, codeIn, FUNCTIONS, SESSION } from "./sessions.ts";
import { LOGIN, Visitor } from "./visitor.ts";

/** What an event says in short. */
function short(event: Json): Json {
  assertOcsf(event);
  return [event.activity_name ?? event.api?.operation, event.status, event.status_code].filter((
    part,
  ) => part !== undefined);
}

async function accepted(stage: PeopleStage): Promise<void> {
  const { client, provider, server } = stage;
  let visitor = new Visitor(server.url);
  const events = await added(client, async () => {
    visitor = await signedIn(stage, "anna", ["dev"]);
    ok(await change(visitor, "DELETE", SESSION, {}));
  });
  assert.deepEqual(events.map(short), [["logon", "Success"], ["logoff", "Success"]]);
  const [logon, logoff] = events;
  assert.equal(logon.session.uid, logoff.session.uid);
  assert.deepEqual([logon.user.name, logon.user.type], ["Name of anna", "User"]);
  assert.deepEqual(
    [logon.unmapped.issuer, logon.unmapped.subject, logon.src_endpoint.ip],
    [provider.issuer, "anna", "127.0.0.1"],
  );
  assert.deepEqual([logon.unmapped.new_person, logon.unmapped.role_ids], [true, [DEVELOPER]]);
  const ofOwner = await added(client, async () => {
    const args = ["console", "link", "--owner", "--json", "--data", server.dataDir];
    const { stdout } = await runInvoked(args);
    await useLink(visitor, JSON.parse(stdout));
    await visitor.signIn(provider, "anna", { query: "?owner=true" });
    const again = await runInvoked(args);
    ok(await change(visitor, "POST", SESSION, { code: codeIn(JSON.parse(again.stdout)) }));
  });
  assert.deepEqual(ofOwner.map(short), [
    ["owner_link", "Success"],
    ["logon", "Success"],
    // A session that another sign-in replaces ends on record.
    ["logoff", "Success"],
    ["logon", "Success"],
    ["owner_link", "Success"],
    ["logoff", "Success"],
    ["logon", "Success"],
  ]);
  const [, first, endOfFirst, second, , endOfSecond] = ofOwner;
  assert.equal(second.unmapped.became_owner, true);
  for (const [begun, ended] of [[first, endOfFirst], [second, endOfSecond]]) {
    assert.deepEqual([ended.session, ended.user.uid], [begun.session, begun.user.uid]);
  }
  assert.deepEqual([first.user.type, second.user.type], ["System", "User"]);
}

async function confirmed(stage: PeopleStage): Promise<void> {
  const { client, provider } = stage;
  const visitor = await signedIn(stage, "carl", ["dev"]);
  const { id } = await principalOf(visitor);
  const events = await added(client, async () => {
    addAccount(provider, "carl");
    await eventually(async () => (await visitor.get(FUNCTIONS)).status === 403 || undefined);
    provider.accounts.delete("carl");
    await eventually(async () => (await visitor.get(FUNCTIONS)).status === 401 || undefined);
  });
  const [changed] = events.filter(({ api }) => api?.operation === "invoked.SessionService.Confirm");
  assert.deepEqual(changed.resources[0].uid, id);
  assert.deepEqual(changed.unmapped.changed_fields, ["groupRoles"]);
  const [ended] = events.filter(({ activity_name }) => activity_name === "logoff");
  assert.deepEqual([ended.user.uid, ended.unmapped.rejected_by_provider], [id, "invalid_grant"]);
}

async function rejected(stage: PeopleStage): Promise<void> {
  const { client, provider, server } = stage;
  addAccount(provider, "ruth");
  const visitor = new Visitor(server.url);
  const events = await added(client, async () => {
    await visitor.visit(`${LOGIN}?return_to=%2F%2Fevil.example`);
    await visitor.visit(`${LOGIN}?owner=true`, { site: "cross-site" });
    const callback = await visitor.toCallback(provider, "ruth");
    await new Visitor(server.url).comeBack(callback);
    const [name, cookie] = [...visitor.cookies].find(([name]) => name === "invoked_sign_in") ??
      assert.fail();
    visitor.cookies.set(name, { ...cookie, value: "forged" });
    await visitor.comeBack(callback);
    visitor.cookies.set(name, cookie);
    await visitor.comeBack(callback.replace(/state=[^&]+/, "state=x"));
    await visitor.comeBack(callback);
    visitor.cookies.set(name, cookie);
    await visitor.comeBack(callback);
    const wrong = await visitor.toCallback(provider, "ruth");
    await visitor.comeBack(wrong.replace(/code=[^&]+/, "code=x"));
    provider.forgeries.set("/token", (body) => ({ ...body, id_token: "x.y.z" }));
    await visitor.comeBack(await visitor.toCallback(provider, "ruth"));
    provider.forgeries.clear();
    const late = await visitor.toCallback(provider, "ruth");
    provider.outage = 500;
    await visitor.comeBack(late);
    provider.outage = undefined;
    await browser(server.url).post("/auth/v1/owner_links", { assertion: "x" });
  });
  const details = events.filter(({ status }) => status === "Failure").map((event) => {
    const [activity, , code] = short(event);
    return [activity, code, event.status_detail.split(":")[0]];
  });
  assert.deepEqual(details, [
    ["logon", "INVALID_FIELD", "return_to"],
    ["logon", "SIGN_IN_FAILED", "owner"],
    ["logon", "SIGN_IN_FAILED", "cookie_missing"],
    ["logon", "SIGN_IN_FAILED", "cookie_invalid"],
    ["logon", "SIGN_IN_FAILED", "state"],
    ["logon", "SIGN_IN_FAILED", "replayed"],
    ["logon", "SIGN_IN_FAILED", "invalid_grant"],
    ["logon", "SIGN_IN_FAILED", "OAUTH_PARSE_ERROR"],
    ["logon", "PROVIDER_UNAVAILABLE", "provider"],
    ["owner_link", "ASSERTION_INVALID", "Invalid Compact JWS"],
  ]);
}

async function disabled(stage: PeopleStage): Promise<void> {
  const { client, provider } = stage;
  const visitor = await signedIn(stage, "dina");
  const { id } = await principalOf(visitor);
  const events = await added(client, async () => {
    ok(await client.call("PATCH", `${USERS}/${id}`, { user: { disabled: true } }));
    await visitor.signIn(provider, "dina");
    ok(await client.post(`${USERS}/${id}/roles`, { roleIds: ["system:viewer"] }));
    ok(await client.call("DELETE", `${USERS}/${id}`, {}));
  });
  assert.deepEqual(events.map(short), [
    ["invoked.UserService.Update", "Success"],
    ["logon", "Failure", "PERSON_DISABLED"],
    ["invoked.UserService.SetRoles", "Success"],
    ["invoked.UserService.Delete", "Success"],
  ]);
  // The provider has proved who it is.
  assert.deepEqual([events[1]?.user.uid, events[1]?.user.name], [id, "Name of dina"]);
}

/** Of a server that confirms sessions often, before other steps have rejections of this address. */
export const ON_RECORD: PeopleSteps = {
  "has those that were accepted": accepted,
  "has what the provider takes away": confirmed,
  "has those that were rejected, with the rule": rejected,
  "has changes of people, and sign-ins of disabled ones": disabled,
};
