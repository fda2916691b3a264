//! Never returns from `test-connection`.

use test_guests::base::exports::privacy::saas_connector::connector::{
    Check, Error, Guest, Manifest, Settings,
};

struct LoopsForever;

impl Guest for LoopsForever {
    fn describe() -> Manifest {
        test_guests::manifest("loops-forever")
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        loop {
            std::hint::spin_loop();
        }
    }
}

test_guests::base::export!(LoopsForever);
