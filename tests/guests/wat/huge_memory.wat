;; Starts with 1 GiB of memory.
(module
  (memory (export "memory") 16384)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
  (func (export "privacy:saas-connector/connector@0.2.0#describe") (result i32) unreachable)
  (func (export "privacy:saas-connector/connector@0.2.0#test-connection") (param i32 i32) (result i32) unreachable))
