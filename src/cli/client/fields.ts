/** Fields of responses. An absent field and null are the same: C1, or an earlier server, leaves some out. */
import { z } from "zod";

export const text = z.string().nullish().transform((value) => value ?? "");
export const optionalText = z.string().nullish().transform((value) => value || undefined);
export const flag = z.boolean().nullish().transform((value) => value ?? false);

/** Undefined if the field is absent. */
export function maybe<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** Empty if the field is absent. */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.array(item).nullish().transform((value) => value ?? []);
}
