/**
 * Storage roots as people know them.
 */
import { localPathOf } from "@sheaf/core/domain/StorageRoot"
import { safeText } from "./SafeText.ts"

/** The path of a local root, the URL of any other. */
export const placeText = (url: string): string => safeText(localPathOf({ url }) ?? url)
