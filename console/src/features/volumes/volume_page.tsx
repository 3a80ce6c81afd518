import { Page } from "../../parts/page.tsx";

export function VolumePage() {
  return <Page title="Volume">{null}</Page>;
}
