import { Page } from "../../parts/page.tsx";

export function DeadLettersPage() {
  return <Page title="Dead letters">{null}</Page>;
}
