export { driver, layer, layerConfig, make, Options } from "./GcsStorage.ts"
