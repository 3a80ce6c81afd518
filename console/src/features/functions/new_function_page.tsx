import { Page } from "../../parts/page.tsx";

export function NewFunctionPage() {
  return <Page title="New function">{null}</Page>;
}
