/** The C1 tenant of a function on a local server: recorded, replayed, or the example tenant. */
import {
  countOf,
  loadConfig,
  nearest,
  readEnvironment,
  type TenantClient,
} from "../../config/mod.ts";
import type { TenantCallsChange } from "../../compose/parts.ts";
import { operationLabel, TenantError, type TenantTransport } from "../../tenants/contract.ts";
import { recordingFiles } from "../../tenants/recording/format.ts";
import {
  MASKING_FILE,
  type MaskKind,
  type MaskRules,
  maskRules,
} from "../../tenants/recording/mask_rules.ts";
import { Recorder } from "../../tenants/recording/recorder.ts";
import { RecordingError } from "../../tenants/recording/recording_error.ts";
import { ReplayTransport } from "../../tenants/recording/replay.ts";
import type { Api } from "../client/api.ts";
import { ApiError } from "../client/api_error.ts";
import { findDataDir } from "../client/credentials.ts";
import { findTenantClient, tenantProfiles } from "../tenant_functions/connect.ts";
import type { Manifest } from "../folder/manifest.ts";
import {
  readEarlierRecording,
  readRecordingFolder,
  withoutRecording,
  writeRecordingFolder,
} from "../folder/recording.ts";
import { describeSecret, findSecrets } from "../folder/secret_scan.ts";
import { defaultDataDir } from "../options/server_options.ts";
import type { RecordingOptions } from "../options/recording_options.ts";
import { Failure, oneLine, UsageFailure } from "../terminal/failure.ts";
import { note, warn } from "../terminal/output.ts";
import { askForYes } from "../terminal/prompts.ts";

/** The name of the example tenant, which needs no credentials. */
const EXAMPLE = "example";

/** Words for what a recording masked. */
const NOUNS: Readonly<Record<MaskKind, readonly [one: string, many: string]>> = {
  secret: ["secret", "secrets"],
  url: ["URL", "URLs"],
  mail: ["mail address", "mail addresses"],
  name: ["name", "names"],
  text: ["text of a profile", "texts of profiles"],
  page: ["page token", "page tokens"],
};

/** What a local server needs for the tenant of its function. */
export interface LocalTenant {
  /** Changes what sends the calls of functions; undefined to leave it. */
  readonly calls: TenantCallsChange | undefined;
  /**
   * Adds the tenant to the local server. A tenant that no call reaches is the example tenant there: the function needs
   * one for its rights.
   * @returns its id; undefined if the manifest names no tenant
   */
  add(api: Api): Promise<string | undefined>;
  /**
   * Writes what was recorded, and prints what it has.
   * @param hasPassed whether the run succeeded: a failed run replaces no earlier recording
   */
  save(hasPassed: boolean): Promise<void>;
}

/**
 * Prepares the tenant that a manifest names.
 * @throws {Failure} for a recording that cannot be used, and for a record without credentials
 */
export async function openLocalTenant(
  { record, replay, yes }: RecordingOptions,
  { tenant }: Pick<Manifest, "tenant">,
): Promise<LocalTenant> {
  const flag = record !== undefined ? "record" : replay !== undefined ? "replay" : undefined;
  if (flag !== undefined && tenant?.id === undefined) {
    throw new UsageFailure(`Option --${flag} has no effect: invoked.json has no tenant`, {
      next: 'add "tenant": {"id": "NAME", "access": "READ"} to invoked.json',
    });
  }
  if (yes && record === undefined) {
    throw new UsageFailure("Option --yes has no effect without --record", {
      next: "omit --yes, or give --record FOLDER",
    });
  }
  if (replay !== undefined) return await replaying(replay);
  const isExample = tenant?.id?.toLowerCase() === EXAMPLE;
  if (record !== undefined) {
    const rules = await rulesOf(record);
    const client = isExample ? undefined : await needClient(tenant ?? {});
    announceUnmasked(rules);
    await announce(client, tenant?.access ?? "READ", yes === true);
    return recording(record, new Recorder(rules), client);
  }
  const add = async (api: Api) => (await api.tenants.addExample("")).id;
  const save = async () => {};
  if (tenant?.id === undefined) {
    return { calls: undefined, add: () => Promise.resolve(undefined), save };
  }
  if (isExample) return { calls: undefined, add, save };
  const uncalled = notCalled(tenant.id);
  const calls = { transportOf: () => uncalled, answersTests: false, caCerts: [] };
  return { calls, add, save };
}

/** Takes the calls to a tenant that a local server does not call: no call may fall back to what the local server has. */
function notCalled(tenant: string): TenantTransport {
  return {
    send({ operation }) {
      const message = `${operationLabel(operation)} not sent: a local server calls tenant ` +
        `${oneLine(tenant)} only with --record FOLDER; --replay FOLDER answers from a recording`;
      return Promise.reject(new TenantError("TENANT_NOT_CALLED", message));
    },
  };
}

/**
 * A client of this user for the tenant, or else the client that a server of this machine has for it. Credentials for
 * another tenant do not count: a recorded write changes the tenant.
 * @throws {Failure} without one
 */
async function needClient(
  { id = "", credentialId }: NonNullable<Manifest["tenant"]>,
): Promise<RecordingClient> {
  const given = await findTenantClient(id);
  if (given !== undefined) return given;
  const env = readEnvironment();
  const directory = await findDataDir(defaultDataDir(env));
  const { readTenantClient, readTenantNames } = await import("../../compose/tenant_client.ts");
  const stored = directory === undefined
    ? undefined
    : await readTenantClient(loadConfig({}, env).config, directory, { tenant: id, credentialId });
  if (stored !== undefined) {
    return { ...stored, source: `data directory ${directory}`, caCerts: [] };
  }
  const ofServer = directory === undefined ? [] : await readTenantNames(directory);
  const likely = nearest(id, [EXAMPLE, ...await tenantProfiles(), ...ofServer]);
  const hint = likely === undefined ? "" : `did you mean ${oneLine(likely)}? Or `;
  const name = oneLine(id);
  throw new UsageFailure(
    `Option --record needs a client of tenant ${name}: no profile of a tenant has this name, no ` +
      "server of this machine has the tenant, and the CONDUCTORONE_* variables are not for it",
    {
      next: `${hint}sign in with invoked login --tenant ${name}, or set CONDUCTORONE_CLIENT_ID, ` +
        "CONDUCTORONE_CLIENT_SECRET and CONDUCTORONE_TENANT_DOMAIN",
    },
  );
}

async function replaying(folder: string): Promise<LocalTenant> {
  const files = await readRecordingFolder(folder);
  if (files.size === 0) throw await withoutRecording(folder);
  const replay = await checked(folder, () => ReplayTransport.open(files));
  return {
    calls: { transportOf: () => replay, answersTests: true, caCerts: [] },
    add: async (api) => (await api.tenants.addExample("")).id,
    save: async () => {},
  };
}

/** A client for a recording, where it comes from in words, and whom its owner trusts, in PEM. */
interface RecordingClient extends TenantClient {
  readonly source: string;
  readonly caCerts: readonly string[];
}

/**
 * Prints which tenant is called, as whom, and with which access, before anything is sent: invoked.json chooses all of them,
 * and may come with a folder of somebody else.
 * @param client undefined for the example tenant, which a function may change
 * @throws {Failure} unless the user agrees that the function changes the tenant
 */
async function announce(
  client: RecordingClient | undefined,
  access: string,
  yes: boolean,
): Promise<void> {
  if (client === undefined) return note("Recording the answers of the example tenant");
  const { host = "of its id", clientId, source } = client;
  const tenant = oneLine(host);
  note(
    `Recording the answers of ${tenant} with access ${access}, ` +
      `as client ${oneLine(clientId)} (${oneLine(source)})`,
  );
  if (access === "READ" || yes) return;
  const question = `Let the function change tenant ${tenant}?`;
  if (await askForYes(question, "give --yes to let it, or set access to READ in invoked.json")) {
    return;
  }
  throw new Failure("Cancelled: no call was sent");
}

/** The rules for masks of a recording's folder. */
async function rulesOf(folder: string): Promise<MaskRules> {
  const masking = (await readEarlierRecording(folder)).get(MASKING_FILE);
  return await checked(folder, () => maskRules(masking));
}

/** Fields that a note lists. */
const LISTED_MAX = 10;

/** Prints what the folder's own rules do not mask: the function, too, gets it as it is. */
function announceUnmasked({ unmasked: { fields, texts } }: MaskRules): void {
  if (fields.length + texts === 0) return;
  const others = fields.length - LISTED_MAX;
  const what = [
    ...fields.slice(0, LISTED_MAX).map(oneLine),
    ...others > 0 ? [countOf(others, "other field")] : [],
    ...texts > 0 ? [countOf(texts, "text")] : [],
  ];
  warn(`Not masked because of ${MASKING_FILE}: ${what.join(", ")}`);
}

/** @param client undefined for the example tenant */
function recording(
  folder: string,
  recorder: Recorder,
  client: RecordingClient | undefined,
): LocalTenant {
  return {
    calls: {
      transportOf: (transport) => recorder.around(transport),
      answersTests: true,
      caCerts: client?.caCerts ?? [],
    },
    async add({ tenants }) {
      if (client === undefined) return (await tenants.addExample("")).id;
      const added = await tenants.add(client.host, "", client).catch((error) => {
        throw error instanceof ApiError ? unreachable(error) ?? error : error;
      });
      return added.id;
    },
    save: (hasPassed) => saveRecording(folder, recorder, hasPassed),
  };
}

/** The failure to reach a tenant, with flags of this command: its user runs no other server. Undefined for another error. */
function unreachable({ reason, message, exit }: ApiError): Failure | undefined {
  if (reason !== "TENANT_UNREACHABLE") return undefined;
  const next =
    "check the host of the tenant; give this command --egress-allow-private NETWORK for a private address, " +
    "and --egress-ca FILE for a certificate authority of your own, or sign in with invoked login --tenant NAME --ca FILE";
  return new Failure(message, { next, exit });
}

async function saveRecording(
  folder: string,
  recorder: Recorder,
  hasPassed: boolean,
): Promise<void> {
  if (!hasPassed && await hasRecording(folder)) {
    return warn(`The run failed, so the recording in ${oneLine(folder)} has not changed`);
  }
  const files = recordingFiles(recorder.recording);
  const { calls, masked, literals, times } = recorder.summary;
  if (files.size === 0) return note("No call of the tenant was recorded");
  await writeRecordingFolder(folder, files);
  const counts = Object.entries(masked).map(([kind, count]) =>
    countOf(count, ...NOUNS[kind as MaskKind])
  );
  const what = `${countOf(calls, "call")} of ${countOf(files.size, "operation")}`;
  note(`Recorded ${what} in ${oneLine(folder)}; masked: ${counts.join(", ") || "nothing"}`);
  for (const operation of literals) {
    warn(
      `sdk.${operation} was called with a text that the recording masks: a replay will not find ` +
        "the call; use an invented text, or add it to keep in masking.json",
    );
  }
  for (const { operation, field } of times) {
    warn(
      `sdk.${operation} was called with a time in ${
        oneLine(field)
      } that no answer has: if it comes from the clock, a ` +
        `replay will not find the call; add ${JSON.stringify(field)}: "any" to fields in ` +
        "masking.json, and record again",
    );
  }
  const bytes = new Map(
    Array.from(files, ([name, text]) => [name, new TextEncoder().encode(text)]),
  );
  const secrets = (await findSecrets(bytes)).map(describeSecret);
  if (secrets.length === 0) return;
  warn(`Review before you commit; this looks like a secret: ${secrets.join(", ")}`);
}

async function hasRecording(folder: string): Promise<boolean> {
  return [...(await readEarlierRecording(folder)).keys()].some((name) => name !== MASKING_FILE);
}

/** @throws {Failure} for a RecordingError */
async function checked<Value>(
  folder: string,
  read: () => Value | Promise<Value>,
): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error;
    throw new UsageFailure(`Invalid recording in ${oneLine(folder)}: ${error.message}`, {
      next: "correct the file, or remove it and record again with --record",
    });
  }
}
