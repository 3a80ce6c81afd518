import { Toast } from "@base-ui/react/toast";
import { visibleText } from "./format.ts";
import { Icon } from "./icon.tsx";
import { errorText } from "./violations.ts";

const manager = Toast.createToastManager();

interface ToastOptions {
  readonly description?: string;
  readonly tone?: "quiet" | "bad";
  /** Undoes what the toast reports. */
  readonly undo?: () => void;
}

/** Reports something that ended, in a corner; screen readers hear it. */
export function toast(
  title: string,
  { description, tone = "quiet", undo }: ToastOptions = {},
): void {
  manager.add({
    title: visibleText(title),
    description: description === undefined ? undefined : visibleText(description),
    type: tone,
    timeout: tone === "bad" || undo !== undefined ? 12_000 : 5_000,
    priority: tone === "bad" ? "high" : "low",
    ...(undo === undefined ? {} : { actionProps: { children: "Undo", onClick: undo } }),
  });
}

/** Reports an error that no form shows. */
export function toastError(title: string, error: unknown): void {
  toast(title, {
    description: errorText(error),
    tone: "bad",
  });
}

export function Toasts() {
  return (
    <Toast.Provider toastManager={manager} limit={4}>
      <Toast.Portal>
        <Toast.Viewport className="toasts">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function ToastList() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((entry) => (
    <Toast.Root
      key={entry.id}
      toast={entry}
      className={`toast toast-${entry.type ?? "quiet"}`}
    >
      <Toast.Content className="toast-content">
        <div className="toast-text">
          <Toast.Title className="toast-title" />
          <Toast.Description className="muted" />
        </div>
        <Toast.Action className="button button-normal" />
        <Toast.Close
          className="button button-plain button-icon"
          aria-label="Dismiss"
        >
          <Icon name="close" />
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ));
}
