;; Breaks the canonical ABI, as the first letter of its setting `misdeed` says. A setting of 101 to 104 bytes instead
;; makes `cabi_realloc` misbehave, depending on the requested size.
(module
  (import "privacy:saas-connector/log@0.2.0" "write" (func $log (param i32 i32 i32)))
  (memory (export "memory") 1)
  (table $table 1 funcref)
  (global $free (mut i32) (i32.const 8192))
  (data (i32.const 100) "breaks-the-abi0.0.0Nobodyhttps://example.commisdeed")
  ;; At 200 the manifest: name, version, vendor, documentation, one setting, empty lists, no token slot.
  (data (i32.const 200)
    "\64\00\00\00\0e\00\00\00" "\72\00\00\00\05\00\00\00" "\77\00\00\00\06\00\00\00" "\7d\00\00\00\13\00\00\00"
    "\2c\01\00\00\01\00\00\00" "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00"
    "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
    "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00")
  ;; At 300 the setting: name, label, description, optional, open, no default, no options.
  (data (i32.const 300)
    "\90\00\00\00\07\00\00\00" "\90\00\00\00\07\00\00\00" "\90\00\00\00\07\00\00\00"
    "\00\00\00\00" "\00\00\00\00\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00")
  ;; At 400 an answer of one check, at 416 the check, at 480 bytes that are not UTF-8.
  (data (i32.const 400) "\00\00\00\00\00\00\00\00" "\a0\01\00\00\01\00\00\00"
    "\64\00\00\00\06\00\00\00" "\00\00\00\00" "\64\00\00\00\06\00\00\00")
  (data (i32.const 480) "\ff\fe\ff\fe")

  (func (export "privacy:saas-connector/connector@0.2.0#describe") (result i32) (i32.const 200))

  (func (export "privacy:saas-connector/connector@0.2.0#test-connection") (param $settings i32) (param $count i32)
    (result i32)
    (local $misdeed i32)
    (local $index i32)
    ;; The first setting's value, its first byte.
    (local.set $misdeed (i32.load8_u (i32.load offset=8 (local.get $settings))))
    ;; u: a name that is not UTF-8.
    (if (i32.eq (local.get $misdeed) (i32.const 117)) (then
      (i32.store (i32.const 416) (i32.const 480))
      (i32.store (i32.const 420) (i32.const 4))))
    ;; o: a name past the end of memory.
    (if (i32.eq (local.get $misdeed) (i32.const 111)) (then
      (i32.store (i32.const 416) (i32.const 0x7fffffff))))
    ;; w: a name that wraps around the end of the address space.
    (if (i32.eq (local.get $misdeed) (i32.const 119)) (then
      (i32.store (i32.const 420) (i32.const 0xffffffff))))
    ;; d: a result that is neither ok nor err.
    (if (i32.eq (local.get $misdeed) (i32.const 100)) (then
      (i32.store8 (i32.const 400) (i32.const 7))))
    ;; e: an outcome that does not exist.
    (if (i32.eq (local.get $misdeed) (i32.const 101)) (then
      (i32.store8 (i32.const 424) (i32.const 9))))
    ;; m: an answer at a misaligned address.
    (if (i32.eq (local.get $misdeed) (i32.const 109)) (then (return (i32.const 401))))
    ;; p: an answer past the end of memory.
    (if (i32.eq (local.get $misdeed) (i32.const 112)) (then (return (i32.const 0x7ffffff8))))
    ;; l: a list of more checks than memory holds.
    (if (i32.eq (local.get $misdeed) (i32.const 108)) (then
      (i32.store (i32.const 412) (i32.const 0x0fffffff))))
    ;; a: 4,000 checks, all with the same MiB as their name and detail.
    (if (i32.eq (local.get $misdeed) (i32.const 97)) (then
      (drop (memory.grow (i32.const 32)))
      (memory.fill (i32.const 0x10000) (i32.const 120) (i32.const 0x100000))
      (i32.store (i32.const 408) (i32.const 0x120000))
      (i32.store (i32.const 412) (i32.const 4000))
      (loop $next
        (i32.store (i32.add (i32.const 0x120000) (i32.mul (local.get $index) (i32.const 20))) (i32.const 0x10000))
        (i32.store (i32.add (i32.const 0x120004) (i32.mul (local.get $index) (i32.const 20))) (i32.const 0x100000))
        (i32.store (i32.add (i32.const 0x12000c) (i32.mul (local.get $index) (i32.const 20))) (i32.const 0x10000))
        (i32.store (i32.add (i32.const 0x120010) (i32.mul (local.get $index) (i32.const 20))) (i32.const 0x100000))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $index) (i32.const 4000))))))
    ;; f: fills memory endlessly, 2 MiB at a time.
    (if (i32.eq (local.get $misdeed) (i32.const 102)) (then
      (drop (memory.grow (i32.const 33)))
      (loop $again
        (memory.fill (i32.const 0x10000) (i32.const 1) (i32.const 0x200000))
        (br $again))))
    ;; g: grows its memory until the host refuses, then traps.
    (if (i32.eq (local.get $misdeed) (i32.const 103)) (then
      (loop $again
        (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
      (unreachable)))
    ;; h: grows its memory until the host refuses, then continues.
    (if (i32.eq (local.get $misdeed) (i32.const 104)) (then
      (loop $again
        (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))))
    ;; t: grows its table until the host refuses, then traps.
    (if (i32.eq (local.get $misdeed) (i32.const 116)) (then
      (loop $again
        (br_if $again (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1))))
      (unreachable)))
    ;; n: traps in a function whose name would change a terminal.
    (if (i32.eq (local.get $misdeed) (i32.const 110)) (then (call $"gives \u{202e}up\n")))
    ;; r: recurses.
    (if (i32.eq (local.get $misdeed) (i32.const 114)) (then (drop (call $recurse (i32.const 1)))))
    ;; s: logs a message that is past the end of memory.
    (if (i32.eq (local.get $misdeed) (i32.const 115)) (then
      (call $log (i32.const 1) (i32.const 0x7fffffff) (i32.const 10))))
    ;; v: logs at a level that does not exist.
    (if (i32.eq (local.get $misdeed) (i32.const 118)) (then
      (call $log (i32.const 9) (i32.const 100) (i32.const 6))))
    (i32.const 400))

  (func $"gives \u{202e}up\n" (call $"std::process::abort"))
  (func $"std::process::abort" (unreachable))

  (func $recurse (param $depth i32) (result i32)
    (i32.add (call $recurse (i32.add (local.get $depth) (i32.const 1))) (local.get $depth)))

  (func $realloc (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32)
    (result i32)
    (local $at i32)
    ;; 101: past the end of memory.
    (if (i32.eq (local.get $size) (i32.const 101)) (then (return (i32.const 0x7ffffff0))))
    ;; 102: traps.
    (if (i32.eq (local.get $size) (i32.const 102)) (then (unreachable)))
    ;; 103: never returns.
    (if (i32.eq (local.get $size) (i32.const 103)) (then (loop $again (br $again))))
    ;; 104: calls the host, which is not allowed while the host calls `cabi_realloc`.
    (if (i32.eq (local.get $size) (i32.const 104)) (then (call $log (i32.const 1) (i32.const 100) (i32.const 6))))
    (local.set $at (i32.and
      (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (local.get $at)))
