/** Templates as their files have them, and the function that one of them becomes. */
import { SLUG_CHARS_MAX, slugOf } from "../../../../src/shared/slugs.ts";
import { ApiError, call, encodeBase64, type Fn } from "../../api/client.ts";
import { readVolumes } from "../../api/queries.ts";

/** What `invoked.json` of a template may declare. */
interface Manifest {
  readonly name: string;
  readonly description: string;
  readonly allowlist?: readonly string[];
  readonly roles?: readonly string[];
  /** Name of the volume. */
  readonly volume?: string;
  /** By name, each with the settings of one kind of trigger. */
  readonly triggers?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface Template {
  readonly manifest: Manifest;
  /** Text by path, without the manifest. */
  readonly files: Readonly<Record<string, string>>;
}

/** The template that is chosen at first. */
const BLANK = "blank";

/**
 * The templates of these files, the blank one first. A folder without a manifest is not a template.
 * @param sources text by path, which ends with the template's folder and a name
 */
export function templatesOf(sources: Readonly<Record<string, string>>): readonly Template[] {
  const folders = new Map<string, Record<string, string>>();
  for (const [path, text] of Object.entries(sources)) {
    const [name = "", folder = ""] = path.split("/").reverse();
    folders.set(folder, { ...folders.get(folder), [name]: text });
  }
  return [...folders.values()].flatMap(({ "invoked.json": manifest, ...files }) =>
    manifest === undefined ? [] : [{ manifest: JSON.parse(manifest) as Manifest, files }]
  ).toSorted((a, b) => Number(b.manifest.name === BLANK) - Number(a.manifest.name === BLANK));
}

/** A function that was created, and why it lacks triggers of its template. */
interface Created {
  readonly fn: Fn;
  readonly violations: readonly unknown[];
}

/**
 * Creates a function with a first commit, the volume that it needs and its triggers. Throws `ApiError` unless there is a
 * function afterwards.
 */
export async function createFunction(
  displayName: string,
  description: string,
  { manifest, files }: Template,
): Promise<Created> {
  const vfsId = manifest.volume === undefined ? undefined : await needVolume(manifest.volume);
  const { function: created } = await call("POST /api/v1/functions", {
    body: {
      displayName,
      description,
      commitMessage: manifest.name === BLANK ? "First commit" : `Start from ${manifest.name}`,
      initialContent: Object.fromEntries(
        Object.entries(files).map(([path, text]) => [path, encodeBase64(text)]),
      ),
      outboundNetworkAllowlist: [...manifest.allowlist ?? []],
      scopedRoleIds: [...manifest.roles ?? []],
      ...(vfsId === undefined ? {} : { vfsId }),
    },
  });
  const fn = created as Fn;
  const triggers = Object.entries(manifest.triggers ?? {});
  const made = await Promise.allSettled(
    triggers.map(([name, settings]) => createTrigger(fn, name, settings)),
  );
  return { fn, violations: made.flatMap((end) => end.status === "rejected" ? [end.reason] : []) };
}

/** The id of the volume with this name; missing, it is created. */
async function needVolume(displayName: string): Promise<string> {
  const found = (await readVolumes()).find((volume) => volume.displayName === displayName);
  if (found !== undefined) return found.id;
  const { volume } = await call("POST /api/v1/vfs/volumes", { body: { displayName } });
  return volume.id;
}

async function createTrigger(
  fn: Fn,
  displayName: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { http } = settings as { readonly http?: { readonly slug: string } };
  const create = (own: object) =>
    call("POST /api/v1/functions/{function_id}/triggers", {
      path: { function_id: fn.id },
      body: { trigger: { displayName, ...own } as never },
    });
  if (http === undefined) return void await create(settings);
  const slug = slugOf(fn.displayName) || http.slug;
  try {
    await create({ http: { ...http, slug } });
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== "TRIGGER_ALREADY_EXISTS") throw error;
    // Another function has the slug: the end of the id makes it one of its own.
    const end = `-${fn.id.slice(-8).toLowerCase()}`;
    const begin = slug.slice(0, SLUG_CHARS_MAX - end.length);
    await create({ http: { ...http, slug: begin + end } });
  }
}
