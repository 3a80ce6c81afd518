import { encodeBase64 } from "../../api/base64.ts";
import { api, dataOf } from "../../api/client.ts";
import type { Fn } from "../../api/types.ts";
import type { Manifest, Template } from "./templates.ts";

/** Creates a function with a first commit, the volume that it needs and its triggers. Throws `ApiError`. */
export async function createFunction(
  displayName: string,
  description: string,
  { manifest, files }: Template,
): Promise<Fn> {
  const vfsId = manifest.volume === undefined ? undefined : await needVolume(manifest.volume);
  const { function: created } = await dataOf(api.POST("/api/v1/functions", {
    body: {
      displayName,
      description,
      commitMessage: manifest.name === "blank" ? "Begin" : `Begin with ${manifest.name}`,
      initialContent: Object.fromEntries(
        Object.entries(files).map(([path, text]) => [path, encodeBase64(text)]),
      ),
      outboundNetworkAllowlist: [...manifest.allowlist ?? []],
      scopedRoleIds: [...manifest.roles ?? []],
      ...(vfsId === undefined ? {} : { vfsId }),
    },
  }));
  const fn = created as Fn;
  await createTriggers(fn, manifest);
  return fn;
}

/** The id of the volume with this name; missing, it is created. */
async function needVolume(displayName: string): Promise<string> {
  const { list = [] } = await dataOf(api.GET("/api/v1/vfs/volumes"));
  const found = list.find((volume) => volume.displayName === displayName);
  if (found !== undefined) return found.id;
  const { volume } = await dataOf(api.POST("/api/v1/vfs/volumes", { body: { displayName } }));
  return volume.id;
}

async function createTriggers(fn: Fn, { triggers = {} }: Manifest): Promise<void> {
  for (const [displayName, settings] of Object.entries(triggers)) {
    await dataOf(api.POST("/api/v1/functions/{function_id}/triggers", {
      params: { path: { function_id: fn.id } },
      body: { trigger: { displayName, ...withOwnSlug(settings, fn) } as never },
    }));
  }
}

/** A slug is unique on the server, so a second function of a template gets one of its own. */
function withOwnSlug(settings: Readonly<Record<string, unknown>>, fn: Fn): object {
  const { http } = settings as { http?: { slug: string } };
  if (http === undefined) return settings;
  const slug = fn.displayName.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return { ...settings, http: { ...http, slug: slug === "" ? http.slug : slug } };
}
