import type { ButtonHTMLAttributes, ReactNode } from "react";

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** `plain` has no border until it is pointed at; `danger` destroys something. */
  readonly look?: "primary" | "normal" | "plain" | "danger";
  /** Disables the button and says that it works. */
  readonly busy?: boolean;
  readonly icon?: ReactNode;
}

export function Button(
  { look = "normal", busy = false, icon, children, ...rest }: ButtonProps,
) {
  return (
    <button
      type="button"
      {...rest}
      className={`button button-${look} ${rest.className ?? ""}`}
      disabled={rest.disabled === true || busy}
      aria-busy={busy || undefined}
    >
      {icon}
      {children}
    </button>
  );
}
