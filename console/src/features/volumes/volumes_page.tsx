import { Page } from "../../parts/page.tsx";

export function VolumesPage() {
  return <Page title="Volumes">{null}</Page>;
}
