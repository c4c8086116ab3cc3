import { Unusable } from "../../core/errors.ts";
import type { VerifyRequest } from "../../core/types.ts";
import { tryLogin } from "./connect.ts";
import { explained, isRefusal, refusal } from "./failure.ts";
import { type Login, loginOf, type Material, type Target } from "./target.ts";

/** Logs in. Throws Unusable only on the server's own refusal. */
export const verifyLogin = async (login: Login, signal: AbortSignal, probe?: string): Promise<void> => {
  try {
    await tryLogin(login, signal, probe);
  } catch (error) {
    throw isRefusal(error) ? refusal(error, login) : explained(error, login);
  }
};

/** Logs in as the material would. */
export const verify = ({ target, material, signal }: VerifyRequest<Target, Material>): Promise<void> =>
  verifyLogin(loginOf(target, material.reveal()), signal, target.probe);

/** Whether what is tried is accepted now. Doubt is thrown. */
export const isAccepted = async (trying: Promise<void>): Promise<boolean> => {
  try {
    await trying;
    return true;
  } catch (error) {
    if (error instanceof Unusable) return false;
    throw error;
  }
};
