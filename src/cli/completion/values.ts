import { Command } from "commander";
import type { Candidate, Position } from "./position.ts";
import type { Api } from "../client/api.ts";
import { ALL_FUNCTIONS, type RemoteFunction } from "../client/schemas.ts";
import { findVolume, LATEST_INVOCATION } from "../client/find.ts";
import { Profiles } from "../client/profiles.ts";
import { profilesDir, readEnvironment } from "../../config/mod.ts";
import { functionOf } from "../options/function_argument.ts";
import { addServerOptions } from "../options/server_options.ts";
import { connectToTenant } from "../tenant_functions/connect.ts";

/** A shell waits for its completions, so a slow server provides none. */
const TIMEOUT_MS = 3_000;
const MAX_VALUES = 100;
const MAX_INVOCATIONS = 20;

/** Reads the values of a placeholder. @param last what they begin with */
type Source = (api: Api, position: Position, last: string) => Promise<readonly Candidate[]>;

/** The values that a server has, by placeholder. */
const SOURCES: Readonly<Record<string, Source>> = {
  function: functions,
  commit: commits,
  from: commits,
  to: commits,
  tag: tags,
  invocation: invocations,
  secret: secrets,
  client: listed((api) => api.clients.list(MAX_VALUES), ({ displayName, id }) => [displayName, id]),
  provider: listed(
    (api) => api.federation.providers(MAX_VALUES),
    ({ displayName, issuerUrl }) => [displayName, issuerUrl],
  ),
  trust: listed(
    (api) => api.federation.trusts(MAX_VALUES),
    ({ displayName, clientId }) => [displayName, clientId],
  ),
  tenant: listed((api) => api.tenants.list(MAX_VALUES), ({ name, host }) => [name, host]),
  principal: listed(
    (api) => api.principals.list(MAX_VALUES),
    ({ displayName, id }) => [displayName, id],
  ),
  credential: credentials,
  role: listed((api) => api.roles.list(MAX_VALUES), ({ name, displayName }) => [name, displayName]),
  user: listed(
    (api) => api.users.list("", MAX_VALUES),
    ({ email, id, displayName }) => [email || id, displayName],
  ),
  volume: listed((api) => api.volumes.list(MAX_VALUES), ({ displayName, id }) => [displayName, id]),
  "volume:/path": volumePaths,
  "volume[:/path]": volumePaths,
  source: volumePaths,
  target: volumePaths,
};

/** A source of all things of a kind, with the value and the description of each. */
function listed<Item>(
  list: (api: Api) => Promise<readonly Item[]>,
  textsOf: (item: Item) => readonly [value: string, description: string],
): Source {
  return async (api) =>
    (await list(api)).map(textsOf).map(([value, description]) => ({ value, description }));
}

/** The values that a placeholder names; none if the server of the words is away or slow. */
export async function valuesOf(
  placeholder: string,
  position: Position,
  last: string,
): Promise<readonly Candidate[]> {
  if (placeholder === "PROFILE" || placeholder === "TENANT") return await profiles();
  const source = SOURCES[placeholder.toLowerCase()];
  if (source === undefined) return [];
  const late = new Promise<readonly Candidate[]>((resolve) => {
    Deno.unrefTimer(setTimeout(resolve, TIMEOUT_MS, []));
  });
  const values = connect(position).then((api) => source(api, position, last));
  return await Promise.race([values.catch(() => []), late]);
}

/** Connects to the server that the words name. */
async function connect({ values }: Position): Promise<Api> {
  const tenant = values.get("tenant");
  if (tenant !== undefined) return await connectToTenant(tenant);
  const command = new Command();
  const server = addServerOptions(command);
  for (const option of command.options) {
    const name = option.attributeName();
    const value = values.get(name);
    if (value !== undefined) command.setOptionValue(name, value);
  }
  return await server.connect();
}

async function functions(api: Api, _: Position, last: string): Promise<Candidate[]> {
  return (await api.search(last, MAX_VALUES))
    .map(({ displayName, description }) => ({ value: displayName, description }));
}

/** The function that the words name, or that of the folder. */
async function functionBefore(api: Api, { command, given, values }: Position) {
  const index = command.registeredArguments.findIndex((one) => one.name() === "function");
  return await functionOf(api, values.get("function") ?? given[index]);
}

async function tagsOf(api: Api, fn: RemoteFunction): Promise<Candidate[]> {
  return [...await api.tags(fn)].map(([value, { message }]) => ({ value, description: message }));
}

async function tags(api: Api, position: Position): Promise<Candidate[]> {
  return await tagsOf(api, await functionBefore(api, position));
}

async function commits(api: Api, position: Position): Promise<Candidate[]> {
  const fn = await functionBefore(api, position);
  const listed = await api.commits(fn, MAX_VALUES);
  return [
    { value: "HEAD", description: listed[0]?.message ?? "" },
    ...await tagsOf(api, fn),
    ...listed.map(({ id, message }) => ({ value: id, description: message })),
  ];
}

async function invocations(api: Api, position: Position): Promise<Candidate[]> {
  // Without a function before it, it is one to cancel.
  const isOfFunction = position.command.registeredArguments[0]?.name() === "function";
  const listed = isOfFunction
    ? await api.invocations(await functionBefore(api, position), {}, MAX_INVOCATIONS)
    : [
      ...await api.invocations(ALL_FUNCTIONS, { status: "running" }, MAX_INVOCATIONS),
      ...await api.invocations(ALL_FUNCTIONS, { status: "pending" }, MAX_INVOCATIONS),
    ];
  return [
    ...isOfFunction ? [{ value: LATEST_INVOCATION, description: "the newest" }] : [],
    ...listed.map(({ id, status, createdAt }) => ({
      value: id,
      description: `${status} ${createdAt ?? ""}`,
    })),
  ];
}

async function secrets(api: Api, position: Position): Promise<Candidate[]> {
  const { secret } = await functionBefore(api, position);
  return secret.map((value) => ({ value, description: "" }));
}

async function credentials(api: Api, { command, given }: Position): Promise<Candidate[]> {
  if (command.registeredArguments[0]?.name() === "tenant") {
    return (await api.tenants.find(given[0] ?? "")).credentials
      .map(({ id, clientId }) => ({ value: id, description: clientId }));
  }
  const principal = await api.principals.find(given[0] ?? "");
  return (await api.principals.credentials(principal, MAX_VALUES))
    .map(({ displayName, id }) => ({ value: displayName || id, description: id }));
}

/** The volumes, or what is in the directory of a volume that the path begins with. */
async function volumePaths(api: Api, _: Position, last: string): Promise<Candidate[]> {
  const [, name, directory = "/"] = /^([^/.:][^/:]*):(\/(?:.*\/)?)?/.exec(last) ?? [];
  if (name === undefined) {
    return (await api.volumes.list(MAX_VALUES))
      .map(({ displayName, id }) => ({ value: `${displayName}:/`, description: id }));
  }
  const query = { directory, recursive: false };
  const entries = await api.volumes.entries(await findVolume(api, name), query, MAX_VALUES);
  return entries.map(({ path, type }) => ({
    value: `${name}:${path}${type === "directory" ? "/" : ""}`,
    description: type,
  }));
}

async function profiles(): Promise<Candidate[]> {
  const names = await new Profiles(profilesDir(readEnvironment())).names().catch(() => []);
  return names.map((value) => ({ value, description: "" }));
}
