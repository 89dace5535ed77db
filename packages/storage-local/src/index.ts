export { driver, layer, layerConfig, make, Options } from "./LocalStorage.ts"
