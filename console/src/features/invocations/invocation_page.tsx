import { Page } from "../../parts/page.tsx";

export function InvocationPage() {
  return <Page title="Invocation">{null}</Page>;
}
