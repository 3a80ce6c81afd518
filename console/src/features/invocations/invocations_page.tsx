import { Page } from "../../parts/page.tsx";

export function InvocationsPage() {
  return <Page title="Invocations">{null}</Page>;
}
