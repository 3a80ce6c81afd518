/** The pods that deploy/prometheus/kubernetes.yml finds among those of the manifests. */
import assert from "node:assert/strict";
import { parse } from "yaml";
import type { Json } from "../support/client.ts";
import { readText } from "../support/repository.ts";
import { build } from "./kustomize.ts";

Deno.test("Prometheus scrapes API nodes and workers of the manifests, and no pod that has ended", async () => {
  const jobs: Json[] = parse(await readText("deploy/prometheus/kubernetes.yml")).scrape_configs;
  const pods = (await build("demo")).flatMap(({ spec }) => spec?.template ?? []);
  const ports = pods.flatMap(({ metadata: { labels }, spec }) => {
    return spec.containers.flatMap(({ ports = [] }: Json) =>
      ports.map(({ name }: Json) => ({ labels, name }))
    );
  });
  const targetsOf = ({ relabel_configs: rules }: Json, phase: string) =>
    ports.map(({ labels, name }) => ({
      ...Object.fromEntries(
        Object.entries(labels).map(([key, value]) => [
          `__meta_kubernetes_pod_label_${key.replaceAll(/\W/g, "_")}`,
          value,
        ]),
      ),
      __meta_kubernetes_pod_container_port_name: name,
      __meta_kubernetes_pod_phase: phase,
    })).filter((target) => isKept(rules, target))
      .map((target: Json) => target.__meta_kubernetes_pod_label_app_kubernetes_io_component);
  const scraped = (phase: string) => jobs.map((job) => [job.job_name, targetsOf(job, phase)]);
  const all = [["invoked", ["api"]], ["invoked-workers", ["worker"]]];
  for (const phase of ["Pending", "Running", "Unknown"]) assert.deepEqual(scraped(phase), all);
  const none = [["invoked", []], ["invoked-workers", []]];
  for (const phase of ["Failed", "Succeeded"]) assert.deepEqual(scraped(phase), none);
});

/** Whether the rules of a job of Prometheus keep a target. */
function isKept(rules: readonly Json[], target: Json): boolean {
  return rules.every(({ source_labels, regex, action }) => {
    if (action !== "keep" && action !== "drop") return true;
    const values = source_labels.map((label: string) => target[label] ?? "").join(";");
    return new RegExp(`^(?:${regex})$`).test(values) === (action === "keep");
  });
}
