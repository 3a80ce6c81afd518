import { whenShown } from "../../../parts/when_shown.tsx";

export const TriggerForm = whenShown(async () => (await import("./trigger_form.tsx")).TriggerForm);
