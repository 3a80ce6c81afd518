import { call } from "../../../api/client.ts";
import type { Fn, Schemas } from "../../../api/types.ts";

type Update = NonNullable<
  Schemas["c1.api.functions.v1.FunctionsServiceUpdateFunctionRequest"]["function"]
>;

/**
 * Settings as a request carries them. Numbers may be text as it was typed: the API says what is wrong with one that is
 * not a number.
 */
export type Settings = {
  readonly [S in Exclude<keyof Update, "id">]?: unknown;
};

/**
 * Sets these settings and no others. Throws `ApiError`.
 * @param updateMask what changes, if that is less than the settings
 */
export async function updateSettings(
  id: string,
  settings: Settings,
  updateMask = Object.keys(settings).join(","),
): Promise<Fn> {
  const { function: fn } = await call("POST /api/v1/functions/update", {
    body: {
      function: { id, ...settings } as Update,
      updateMask,
      commitMessage: "",
    },
  });
  return fn as Fn;
}
