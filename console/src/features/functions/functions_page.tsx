import { Page } from "../../parts/page.tsx";

export function FunctionsPage() {
  return <Page title="Functions">{null}</Page>;
}
