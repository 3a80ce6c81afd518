import { affectedInWords, type Damage } from "../../domain/verification/damages.ts";
import { oneLine } from "./failure.ts";

/** A line for each damage, and an indented one for each resource that the damage affects. */
export function damageLines(damages: readonly Damage[]): string[] {
  return damages.flatMap(({ kind, message, affects }) => [
    `${kind}: ${oneLine(message)}`,
    ...affects.map((each) => `  ${oneLine(affectedInWords(each))}`),
  ]);
}
