/** `invoked tenants …`. */
import type { Command } from "commander";
import { C1_DEVICE_CLIENT } from "../resources/clients.ts";
import type { Api } from "./client/api.ts";
import { ApiError } from "./client/api_error.ts";
import {
  certificatesOf,
  deletePersonalClient,
  type LoginTarget,
  personalClientOf,
} from "./client/browser_login.ts";
import type { DeviceClient } from "./client/device_login.ts";
import type { Tenant, TenantCredential } from "./client/tenants.ts";
import type { Subcommand } from "./command_entry.ts";
import { addApiAction, addApiOptions } from "./options/api_command.ts";
import { readClient } from "./options/client_secret.ts";
import {
  addExamples,
  addJsonOption,
  addLimitOption,
  addYesOption,
  type JsonFlag,
  type ListFlags,
  needYes,
  type YesFlags,
} from "./options/common_options.ts";
import { addServerOptions } from "./options/server_options.ts";
import { oneLine, UsageFailure } from "./terminal/failure.ts";
import {
  nameAndId,
  printFields,
  printJson,
  printList,
  printResult,
  showTime,
} from "./terminal/output.ts";

export const COMMANDS: readonly Subcommand[] = [
  ["add", "Add a C1 tenant with a client of it, or the example tenant", registerAdd],
  [
    "login",
    "Add a C1 tenant with a new client of the person who approves it in a browser",
    registerLogin,
  ],
  ["list", "List tenants with their credentials, newest first", registerList],
  [
    "check",
    "Check that a tenant accepts a credential; print whom it belongs to",
    registerCheck,
  ],
  ["rename", "Rename a tenant", registerRename],
  [
    "rotate",
    "Replace the client of a credential; functions keep the credential",
    registerRotate,
  ],
  ["remove", "Remove a tenant with its credentials", registerRemove],
  ["credentials", "Manage further credentials of a tenant", [
    ["add", "Add a credential that functions may name", registerAddCredential],
    ["remove", "Remove a credential, but not the oldest one", registerRemoveCredential],
  ]],
];

const TENANT = ["<tenant>", "Name, host, id, or 6 or more first characters of the id"] as const;
const CLIENT_ID = [
  "--client-id <ID>",
  "Id of a client of the tenant; its secret comes from stdin",
] as const;
const CREDENTIAL = [
  "--credential <CREDENTIAL>",
  "Id or client id of the credential, if the tenant has several",
] as const;
const FORCE = [
  "--force",
  "Remove it although functions use it; their calls of the tenant fail",
] as const;

interface AddOptions extends JsonFlag {
  readonly clientId?: string;
  readonly name?: string;
  readonly example?: true;
}

/** `invoked tenants add`: adds a C1 tenant with a client of it. */
function registerAdd(command: Command): void {
  command
    .argument(
      "[host]",
      "Host of the tenant, such as acme.conductor.one; by default that of --client-id",
    )
    .option(...CLIENT_ID)
    .option("--name <NAME>", "Name of the tenant; by default the first label of its host")
    .option("--example", "Add the example tenant, whose data is invented; it needs no client");
  const server = addApiOptions(
    command,
    'printf %s "$SECRET" | invoked tenants add acme.conductor.one --client-id ID',
    "invoked tenants add --example",
  );
  command.action(async (host: string | undefined, options: AddOptions) => {
    const { clientId, name = "", example, json } = options;
    const isOne = example === true ? host === undefined && clientId === undefined : clientId;
    if (!isOne) {
      throw new UsageFailure(
        example === true
          ? "The example tenant has neither a host nor a client of its own"
          : "--client-id is missing",
        {
          next:
            "give HOST and --client-id ID, or --example alone; invoked tenants login HOST uses a browser",
        },
      );
    }
    using api = await server.connect();
    const { tenant, isNew } = clientId === undefined
      ? await exampleOf(api, name)
      : { tenant: await api.tenants.add(host, name, await readClient(clientId)), isNew: true };
    const text = isNew
      ? `Added tenant ${shownTenant(tenant)} at ${oneLine(tenant.host)}`
      : `The example tenant is already here as ${shownTenant(tenant)}`;
    printResult(json, tenant, text);
  });
}

function shownTenant({ name, id }: Tenant): string {
  return nameAndId({ displayName: name, id });
}

/** The example tenant, which is added unless the server has it. */
async function exampleOf(api: Api, name: string): Promise<{ tenant: Tenant; isNew: boolean }> {
  try {
    return { tenant: await api.tenants.addExample(name), isNew: true };
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== "TENANT_ALREADY_EXISTS") throw error;
    const tenant = await api.tenants.example();
    if (tenant === undefined) throw error;
    return { tenant, isNew: false };
  }
}

interface LoginOptions extends JsonFlag {
  readonly name?: string;
  readonly browser: boolean;
  readonly ca?: string;
}

const DEVICE: DeviceClient = {
  clientId: C1_DEVICE_CLIENT,
  command: "invoked tenants login",
  otherwise: "use a client of the tenant: invoked tenants add HOST --client-id ID",
};

/** `invoked tenants login`: adds a C1 tenant with a client of the person who approves it. */
function registerLogin(command: Command): void {
  command
    .argument("<host>", "Host of the tenant, such as acme.conductor.one")
    .option("--name <NAME>", "Name of the tenant; by default the first label of its host")
    .option("--no-browser", "Print the address and the code, but open no browser")
    .option(
      "--ca <FILE>",
      "CA certificates (PEM) to trust for the sign-in; servers have --egress-ca",
    );
  const server = addServerOptions(command);
  addJsonOption(command);
  command.addHelpText("after", LOGIN_NOTES);
  addExamples(command, "invoked tenants login acme.conductor.one");
  command.action(async (host: string, { name = "", browser, ca, json }: LoginOptions) => {
    const caCerts = await certificatesOf(ca);
    const target: LoginTarget = { serverUrl: originOf(host), caCerts, isTenant: true };
    using api = await server.connect();
    const wanted = { device: DEVICE, roles: [], opensBrowser: browser };
    const client = await personalClientOf(target, wanted);
    try {
      const tenant = await api.tenants.add(host, name, client);
      const text = `Added tenant ${shownTenant(tenant)} with client ${oneLine(client.clientId)}`;
      printResult(json, tenant, text);
    } catch (error) {
      // Nobody else has its secret.
      await deletePersonalClient(target, client).catch(() => {});
      throw error;
    }
  });
}

const LOGIN_NOTES = `
The new client belongs to the person, and may do at the tenant what the person may do: choose what a function may do there
with its setting tenant.`;

/** @throws {Failure} for a text that is no host */
function originOf(host: string): string {
  const url = /[/@?#\s]/.test(host) ? null : URL.parse(`https://${host}`);
  if (url !== null) return url.origin;
  throw new UsageFailure(`Invalid host ${JSON.stringify(oneLine(host))}`, {
    next: "name the host of the tenant alone, such as acme.conductor.one",
  });
}

/** `invoked tenants list`: lists the C1 tenants of the server. */
function registerList(command: Command): void {
  addLimitOption(command, "tenants");
  addApiAction(command, ["invoked tenants list"], async (api, { limit, json }: ListFlags) => {
    const list = await api.tenants.list(limit);
    await printList(json, list, "No tenants; add one with invoked tenants add", {
      NAME: ({ name }) => name,
      HOST: ({ host }) => host,
      ID: ({ id }) => id,
      CREDENTIALS: ({ credentials }) =>
        credentials.map(({ id, clientId }) => `${id} (${clientId})`).join(", "),
      CREATED: ({ createdAt }) => showTime(createdAt),
    });
  });
}

interface CredentialOptions extends JsonFlag {
  readonly credential?: string;
}

/** `invoked tenants check`: asks a C1 tenant whom a credential belongs to. */
function registerCheck(command: Command): void {
  command.argument(...TENANT).option(...CREDENTIAL);
  const examples = ["invoked tenants check acme"];
  addApiAction(command, examples, async (api, name: string, options: CredentialOptions) => {
    const tenant = await api.tenants.find(name);
    const credential = credentialOf(tenant, options.credential);
    const { clientId } = credential;
    const checked = await api.tenants.check(tenant, credential);
    if (options.json) return printJson({ tenantId: tenant.id, clientId, ...checked });
    printFields([
      ["tenant", oneLine(tenant.host)],
      ["client", oneLine(clientId)],
      ["user", oneLine(checked.userId)],
      ["roles", checked.roles.map(oneLine).join(", ") || "none"],
    ]);
  });
}

/** The credential of a tenant that is named by its id or client id, or the only one. @throws {Failure} */
function credentialOf(
  { name, credentials }: Tenant,
  named: string | undefined,
): TenantCredential {
  const [only, ...others] = named === undefined
    ? credentials
    : credentials.filter(({ id, clientId }) => id === named || clientId === named);
  if (only !== undefined && others.length === 0) return only;
  const shown = credentials.map(({ id, clientId }) => `${id} (${oneLine(clientId)})`).join(", ");
  throw new UsageFailure(
    named === undefined
      ? `Tenant ${oneLine(name)} has several credentials: ${shown}`
      : `Credential ${JSON.stringify(oneLine(named))} not found: tenant ${
        oneLine(name)
      } has ${shown}`,
    { next: "name one with its id" },
  );
}

/** `invoked tenants rename`: renames a C1 tenant. */
function registerRename(command: Command): void {
  command.argument(...TENANT).argument("<new-name>", "Its new name");
  addApiAction(
    command,
    ["invoked tenants rename acme acme-test"],
    async (api, name: string, newName: string, { json }: JsonFlag) => {
      const tenant = await api.tenants.find(name);
      const renamed = await api.tenants.rename(tenant, newName);
      const text = `Renamed tenant ${oneLine(tenant.name)} to ${oneLine(renamed.name)}`;
      printResult(json, renamed, text);
    },
  );
}

/** `invoked tenants rotate`: replaces the client of a credential. */
function registerRotate(command: Command): void {
  command.argument(...TENANT).requiredOption(...CLIENT_ID).option(...CREDENTIAL);
  addApiAction(
    command,
    ['printf %s "$SECRET" | invoked tenants rotate acme --client-id ID'],
    async (api, name: string, options: CredentialOptions & { readonly clientId: string }) => {
      const tenant = await api.tenants.find(name);
      const credential = credentialOf(tenant, options.credential);
      const client = await readClient(options.clientId);
      const rotated = await api.tenants.rotate(tenant, credential, client);
      const text = `Rotated credential ${credential.id} of tenant ${oneLine(tenant.name)}`;
      printResult(options.json, rotated, text);
    },
  );
}

interface RemoveOptions extends YesFlags {
  readonly force?: boolean;
}

/** `invoked tenants remove`: removes a C1 tenant with its credentials. */
function registerRemove(command: Command): void {
  command.argument(...TENANT).option(...FORCE);
  addYesOption(command);
  const examples = ["invoked tenants remove acme --yes"];
  addApiAction(command, examples, async (api, name: string, options: RemoveOptions) => {
    const tenant = await api.tenants.find(name);
    const shown = `tenant ${shownTenant(tenant)}`;
    const remove = (force: boolean) => api.tenants.remove(tenant, force);
    await removeAfterYes(api, { shown, id: tenant.id, remove }, options);
  });
}

/** `invoked tenants credentials add`: adds a credential that functions may name. */
function registerAddCredential(command: Command): void {
  command.argument(...TENANT).requiredOption(...CLIENT_ID);
  addApiAction(
    command,
    ['printf %s "$SECRET" | invoked tenants credentials add acme --client-id ID'],
    async (api, name: string, { clientId, json }: JsonFlag & { readonly clientId: string }) => {
      const tenant = await api.tenants.find(name);
      const changed = await api.tenants.addCredential(tenant, await readClient(clientId));
      const added = changed.credentials.at(-1);
      printResult(json, changed, `Added credential ${added?.id} to tenant ${oneLine(tenant.name)}`);
    },
  );
}

/** `invoked tenants credentials remove`: removes a credential, but not the oldest one. */
function registerRemoveCredential(command: Command): void {
  command
    .argument(...TENANT)
    .argument("<credential>", "Id or client id of the credential")
    .option(...FORCE);
  addYesOption(command);
  addApiAction(
    command,
    ["invoked tenants credentials remove acme CREDENTIAL --yes"],
    async (api, name: string, named: string, options: RemoveOptions) => {
      const tenant = await api.tenants.find(name);
      const credential = credentialOf(tenant, named);
      const shown = `credential ${credential.id} of tenant ${oneLine(tenant.name)}`;
      const remove = (force: boolean) => api.tenants.removeCredential(tenant, credential, force);
      await removeAfterYes(api, { shown, id: credential.id, remove }, options);
    },
  );
}

/** Asks, removes, and names the functions that have lost their access. */
async function removeAfterYes(
  api: Api,
  { shown, id, remove }: {
    readonly shown: string;
    readonly id: string;
    readonly remove: (force: boolean) => ReturnType<Api["tenants"]["remove"]>;
  },
  { force = false, yes, json }: RemoveOptions,
): Promise<void> {
  await needYes(yes, `Remove ${shown} from ${api.url}?`, "Cancelled: nothing was removed");
  const functions = await remove(force);
  const names = functions.map(nameAndId).join(", ");
  const lost = names === "" ? "" : `; functions that lost their access: ${names}`;
  printResult(json, { id, deleted: true, functions }, `Removed ${shown}${lost}`);
}
