/** The alert rules of deploy/prometheus. */
import { parse } from "yaml";
import type { Json } from "../support/client.ts";
import { readText } from "../support/repository.ts";

/** As YAML. */
export const RULES = await readText("deploy/prometheus/invoked.rules.yml");

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}

/** In the order of the file. */
export const ALERTS: readonly Rule[] = parse(RULES).groups.flatMap(({ rules }: Json) => rules);
