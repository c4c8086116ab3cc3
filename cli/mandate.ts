/** What a person orders by: whoever breaks the glass says why, and that is the reason. */
export const mandateOf = ({ breakGlass, reason }: { readonly breakGlass?: string; readonly reason: string }) =>
  breakGlass === undefined ? { reason } : { reason: breakGlass, breakGlass: true };
