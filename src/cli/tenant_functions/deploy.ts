/** `invoked deploy --tenant`: a function goes to a tenant by C1's own operations. */
import { relative, resolve } from "node:path";
import type { Api } from "../client/api.ts";
import { needManifest } from "../folder/manifest.ts";
import { readSecrets } from "../folder/secrets_file.ts";
import { secretsAmong } from "../folder/secret_warning.ts";
import { rejectTypeErrors } from "../local/rejected_types.ts";
import type { TenantOptions } from "../options/tenant_options.ts";
import { Failure, oneLine, UsageFailure } from "../terminal/failure.ts";
import { note, paintNote, printJson } from "../terminal/output.ts";
import { askForSecret } from "../terminal/prompts.ts";
import { quoteForShell } from "../terminal/shell.ts";
import { listenForInterrupt } from "../terminal/signals.ts";
import { applyPlan } from "./apply.ts";
import { connectToTenant } from "./connect.ts";
import { hasDifferences, headOf, type Plan, planDeploy } from "./plan.ts";
import { noteHeading, notePlan, planJson, printPlan } from "./plan_text.ts";

/** The flags of a deploy. */
interface Options extends TenantOptions {
  readonly check?: true;
  readonly publish?: true;
  readonly message?: string;
  readonly json?: true;
}

/**
 * Shows how the folder differs from its function at the tenant, and with `--yes` deploys it.
 * @param tenant as `--tenant` names it
 * @throws {Failure} with exit `differences` without `--yes`
 */
export async function deployToTenant(tenant: string, options: Options): Promise<void> {
  const folder = Deno.cwd();
  const manifest = await needManifest(folder);
  const given = await readSecrets(options.secrets);
  const asked = options.secret ?? [];
  using api = await connectToTenant(tenant);
  const plan = await planDeploy(api, folder, manifest, {
    publish: options.publish === true,
    tag: options.tag,
    secrets: [...new Set([...Object.keys(given), ...asked])].toSorted(),
    head: options.head,
  });
  rejectUploadedSecrets(folder, options.secrets, plan);
  noteHeading(plan, api.url);
  const uploads = plan.changes.filter(({ change }) => change !== "removed");
  await secretsAmong(new Map(uploads.map(({ path }) => [path, plan.files.get(path) ?? NO_BYTES])));
  if (options.check) await rejectTypeErrors(folder, plan.files);
  if (!hasDifferences(plan)) return reportSame(plan, api, options);
  if (!options.yes) return show(plan, api, options);
  const secrets = { ...given, ...await askForSecrets(asked, given) };
  notePlan(plan);
  using interrupt = listenForInterrupt();
  const values = { secrets, message: options.message ?? "" };
  const { fn, commitId } = await applyPlan(api, plan, values, interrupt.signal);
  const isPublished = fn.publishedCommitId === commitId;
  note(isPublished ? paintNote("green", "Published") : "Not published; publish it with --publish");
  if (!options.json) return console.log(oneLine(commitId));
  const { settings, publishes: _, ...planned } = planJson(plan, api.url);
  printJson({
    ...planned,
    functionId: fn.id,
    created: plan.fn === undefined,
    commitId,
    published: isPublished,
    settings: settings.map(({ name }) => name),
  });
}

const NO_BYTES = new Uint8Array();

/** @throws {Failure} if the file of the secrets is a file of the function: every reader of the commit would see them */
function rejectUploadedSecrets(folder: string, secrets: string | undefined, { files }: Plan): void {
  if (secrets === undefined || !files.has(relative(folder, resolve(secrets)))) return;
  throw new UsageFailure(
    `Invalid --secrets: ${secrets} is a file of the function, and would be uploaded`,
    { next: "exclude it by .invokedignore, or move it out of the folder" },
  );
}

function reportSame(plan: Plan, api: Api, { json }: Options): void {
  if (json) printJson(planJson(plan, api.url));
  note("No differences");
}

function show(plan: Plan, { url }: Api, { json }: Options): never {
  if (json) printJson(planJson(plan, url));
  else printPlan(plan);
  throw new Failure(`Nothing was deployed: ${oneLine(plan.name)} differs from ${url}`, {
    next: `deploy it with --yes --head ${quoteForShell(oneLine(headOf(plan.fn)))}`,
    exit: "differences",
  });
}

/** Asks for the values of secrets that no file has. */
async function askForSecrets(
  names: readonly string[],
  given: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const name of names.filter((name) => !Object.hasOwn(given, name))) {
    const value = await askForSecret(
      `Value of ${oneLine(name)}`,
      "give the values in --secrets FILE",
    );
    if (value === "") {
      throw new UsageFailure(
        `The value of secret ${oneLine(name)} is empty; nothing was deployed`,
        { next: "give it at the prompt, or in --secrets FILE" },
      );
    }
    values[name] = value;
  }
  return values;
}
