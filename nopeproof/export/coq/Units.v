(* What Symbolic.v says of hidden units is true at every position: signs, and sums over ranges of units by induction. *)

From Coq Require Import ZArith NArith QArith Qreduction List Bool Field Lia.
From Nopeproof Require Import Model Numbers Poly Symbolic Heads Means.
Import ListNotations.
Open Scope nat_scope.

Section Run.
  Context {F : field}.
  Add Field units_field : (is_field F).
  Local Open Scope number_scope.
  Variables (sym : nat -> F) (any : nat -> nat -> nat -> nat -> F) (T : nat) (c : circuit) (h : hints) (w : word F).
  Notation here_ := (here sym any T c h w).
  Notation val_ := (val sym T).
  Notation at_place_ := (at_place c h).
  Hint Resolve roots_val : core.

  Lemma peval_same rho rho' p : (forall v, rho v = rho' v) -> peval F rho p = peval F rho' p.
  Proof.
    intro E. induction p as [| [m q] p IH]; cbn; [reflexivity |]. rewrite IH. f_equal. f_equal.
    induction m as [| [v n] m IHm]; cbn; [reflexivity |]. now rewrite E, IHm.
  Qed.
  Lemma relu_sign (b : bool) (z : F) : (if b then le zero z else le z zero) -> relu z = if b then z else zero.
  Proof. destruct b; [apply relu_on | apply relu_off]. Qed.
  Lemma ofZ_le a : le zero (ofZ a : F) -> (0 <= a)%Z.
  Proof.
    intro H. destruct (Z.le_gt_cases 0 a) as [| G]; [assumption |]. exfalso. apply (ofZ_not_zero F a); [lia |].
    apply (le_antisym F); [| assumption]. assert (A : le zero (ofZ (- a) : F)) by (apply ofZ_nonneg; lia).
    apply (le_add F _ _ (ofZ a)) in A. rewrite ofZ_opp in A. replace (- ofZ a + ofZ a) with (zero : F) in A by ring. now replace (zero + ofZ a) with (ofZ a : F) in A by ring.
  Qed.
  Lemma le_neg (z : F) : le zero (- z) -> le z zero.
  Proof. intro H. apply (le_add F _ _ z) in H. replace (- z + z) with (zero : F) in H by ring. now replace (zero + z) with z in H by ring. Qed.

  Lemma le_factor_neg (x d : F) : le zero (- (x * d)) -> le zero d -> d <> zero -> le x zero.
  Proof. intros H Hd N. apply le_neg. apply (le_factor F (- x) d); auto. now replace (- x * d) with (- (x * d)) by ring. Qed.

  Definition set_k (aux : N -> F) (k : F) (n : N) : F := match n with N0 => k | _ => aux n end.

  Section Position.
    Variables (p : place) (t : nat).
    Hypothesis Hp : at_place_ p t.
    Hypothesis Ht : (t <= T)%nat.

    Lemma with_T_ok y aux k u : peval F (val_ (here_ t) y aux) (with_T h p k u) = peval F (val_ (here_ t) y (set_k aux (peval F (val_ (here_ t) y aux) k))) u.
    Proof.
      unfold with_T. rewrite psubst_ok by auto. apply peval_same. intro v.
      destruct v as [| | | | | [|] | |]; rewrite ?pvar_ok; try reflexivity.
      rewrite padd_ok, (position_ok sym any T c h w p t), pvar_ok by auto. cbn [val here]. rewrite <- inj_add. f_equal. lia.
    Qed.
    Lemma at_k_ok y aux k u : peval F (val_ (here_ t) y aux) (at_k k u) = peval F (val_ (here_ t) y (set_k aux (peval F (val_ (here_ t) y aux) k))) u.
    Proof.
      unfold at_k. rewrite psubst_ok by auto. apply peval_same. intro v. destruct v as [| | | | | [|] | |]; rewrite ?pvar_ok; reflexivity.
    Qed.

    Definition positive_locals (y : local -> F) : Prop := le zero (y R) /\ le zero (y Gap) /\ forall a, le zero (y (Count a)).
    Lemma here_positive s : positive_locals (here_ s).
    Proof. repeat split; intros; cbn [here]; apply inj_nonneg. Qed.
    Lemma nonneg_vars y aux v : positive_locals y -> le zero (aux 1%N) -> nonneg_var v = true -> le zero (val_ (here_ t) y aux v).
    Proof.
      intros (Y1 & Y2 & Y3) A H. destruct (here_positive t) as (X1 & X2 & X3).
      destruct v as [| | | | [|] | n | [] | []]; try discriminate; cbn [val]; auto; try apply exp_positive.
      cbn in H. apply N.eqb_eq in H. now subst.
    Qed.
    Lemma nonneg_sign y aux u : positive_locals y -> le zero (aux 1%N) -> nonneg u = true -> le zero (peval F (val_ (here_ t) y aux) u).
    Proof. intros Y A H. apply andb_prop in H as [H1 H2]. apply (nonneg_ok F _ nonneg_var); auto. intros. now apply nonneg_vars. Qed.
    Lemma above_zero_ok y aux u : positive_locals y -> le zero (aux 1%N) -> above_zero u = true -> peval F (val_ (here_ t) y aux) u <> zero.
    Proof.
      intros Y A H. apply andb_prop in H as [N E]. induction u as [| [m q] u IH]; [discriminate |].
      pose proof (nonneg_sign y aux _ Y A N) as S1. apply andb_prop in N as [N1 N2]. cbn in E, N1, N2 |- *. apply andb_prop in N1 as [N1 N1'], N2 as [N2 N2'].
      assert (Nu : nonneg u = true) by (apply andb_true_intro; split; assumption).
      assert (S2 : le zero (peval F (val_ (here_ t) y aux) u)) by now apply nonneg_sign.
      assert (S3 : le zero (ofQ q * factors F (val_ (here_ t) y aux) m)).
      { replace (ofQ q * factors F (val_ (here_ t) y aux) m) with (peval F (val_ (here_ t) y aux) [(m, q)]) by (cbn; ring).
        apply nonneg_sign; auto. unfold nonneg, all_vars. cbn. now rewrite N1, N2. }
      apply orb_prop in E as [E | E].
      - destruct m; [| discriminate]. apply positive_plus; auto. cbn. apply Z.ltb_lt in E.
        replace (ofQ q * one) with (ofQ q : F) by ring. apply ofQ_not_zero. lia.
      - rewrite (Radd_comm (ring_laws F)). apply positive_plus; auto.
    Qed.

    Lemma sign_ok pre z b : (forall y aux, stands F (val_ (here_ t) y aux) pre z) -> sign h p pre = Some b -> relu z = if b then z else zero.
    Proof.
      intros S H. apply relu_sign. unfold sign in H. destruct (nonneg (with_T h p k_ (snd pre))) eqn:D; [| discriminate].
      pose proof (fun u => with_T_ok (here_ t) (fun _ => zero) k_ u) as E.
      assert (G : forall u, nonneg (with_T h p k_ u) = true -> le zero (peval F (val_ (here_ t) (here_ t) (set_k (fun _ => zero) (peval F (val_ (here_ t) (here_ t) (fun _ => zero)) k_))) u)).
      { intros u Hu. rewrite <- E. apply nonneg_sign; auto; [apply here_positive | apply le_refl]. }
      destruct (S (here_ t) (set_k (fun _ => zero) (peval F (val_ (here_ t) (here_ t) (fun _ => zero)) k_))) as [N Z]. apply G in D.
      destruct (nonneg (with_T h p k_ (fst pre))) eqn:P.
      - injection H as <-. apply G in P. rewrite Z in P. now apply (le_factor F _ _ P).
      - destruct (nonneg (popp (with_T h p k_ (fst pre)))) eqn:Q; [| discriminate]. injection H as <-.
        apply (nonneg_sign (here_ t) (fun _ => zero)) in Q; [| apply here_positive | apply le_refl]. rewrite popp_ok, E, Z in Q.
        exact (le_factor_neg _ _ Q D N).
    Qed.

    Variables (X : nat -> ratio) (x : nat -> F).
    Hypothesis HX : forall y aux i, stands F (val_ (here_ t) y aux) (X i) (x i).
    Variables (read : vector) (bias : weight) (write : vector) (a : nat).

    Lemma unit_adds_ok i v : unit_adds h read bias write (a, p) X i = Some v ->
      forall y aux, stands F (val_ (here_ t) y aux) v (unit_ F (fixed F sym T) read bias write x i).
    Proof.
      intros H y aux. unfold unit_adds in H. cbv zeta in H. cbn [snd] in H. unfold unit_.
      set (pre := radd (rdot false read X) (rpoly (read_weight false false bias))) in *.
      assert (S : forall y aux, stands F (val_ (here_ t) y aux) pre (dot F (fixed F sym T) read x + value F (fixed F sym T) bias)).
      { intros y' aux'. apply radd_ok; auto; [now apply rdot_fixed |]. rewrite <- (weight_fixed sym T (here_ t) y' aux'). now apply rpoly_ok. }
      pose proof (entry_fixed sym T (here_ t) y aux write i) as E.
      assert (Z : forall z, entry F (fixed F sym T) write i = zero \/ relu z = zero -> stands F (val_ (here_ t) y aux) rzero (entry F (fixed F sym T) write i * relu z)).
      { intros z [O | O]; rewrite O; (replace (_ * _) with (zero : F) by ring); now apply rzero_ok. }
      destruct (read_entry false false write i) as [| tm e] eqn:Re.
      - injection H as <-. apply Z. left. now rewrite <- E.
      - rewrite <- Re in *. destruct (sign h p pre) as [[|] |] eqn:Sg; [| | discriminate]; pose proof (sign_ok _ _ _ S Sg) as Rl; cbn in Rl.
        + injection H as <-. rewrite Rl. apply rmul_ok; auto. rewrite <- E. now apply rpoly_ok.
        + injection H as <-. apply Z. now right.
    Qed.

    Variables (l n : nat) (first rise shift floor : Z).
    Notation last := ((rise * Z.of_nat T + shift) / floor)%Z.
    Notation unit_k k i := (unit_ F (at_index F sym T k) read bias write x i).
    Notation rho y aux k := (val_ (here_ t) y (set_k aux (ofZ k))).

    Lemma entry_k y aux k i : peval F (rho y aux k) (read_entry false true write i) = entry F (at_index F sym T k) write i.
    Proof. apply read_entry_ok; auto; discriminate. Qed.
    Lemma no_entry i : read_entry false true write i = [] -> forall m, sum m (fun n => unit_k (first + Z.of_nat n - 1)%Z i) = zero.
    Proof.
      intros E m. rewrite (sum_cut F m 0); [reflexivity | lia |]. intros j _. unfold unit_.
      rewrite <- (entry_k (here_ t) (fun _ => zero)), E. cbn. ring.
    Qed.

    Section Active.
      Variables (u : unit_hint).
      Let pre := radd (rdot true read X) (rpoly (read_weight false true bias)).
      Let K := padd (pscale [] (inject_Z (slope u)) (pvar (Here R))) (pint (offset u)).
      Let Kz := (slope u * Z.of_nat ((t - start c h) / period h) + offset u)%Z.
      Let z k := dot F (at_index F sym T k) read x + value F (at_index F sym T k) bias.
      Hypothesis A : active_up_to h p pre K first rise shift floor = true.

      Lemma pre_ok y aux k : stands F (rho y aux k) pre (z k).
      Proof.
        apply radd_ok; auto; [apply rdot_ok; auto; discriminate |].
        unfold z. rewrite <- (read_weight_ok sym T (here_ t) y (set_k aux (ofZ k)) false true (fun _ => zero) (ofZ k)) by (auto; discriminate). now apply rpoly_ok.
      Qed.
      Lemma K_ok y aux : peval F (val_ (here_ t) y aux) K = ofZ Kz.
      Proof. unfold K, Kz. rewrite padd_ok, pscale_const, pvar_ok, pint_ok, ofQ_Z, ofZ_add, ofZ_mul by auto. reflexivity. Qed.

      Let room := psub (padd (pscale [] (inject_Z rise) (pvar T_)) (pint shift)) (pscale [] (inject_Z floor) K).
      Lemma conditions : (1 <= floor)%Z /\ all_vars not_aux (snd pre) = true /\ nonneg (with_T h p k_ (snd pre)) = true /\
        nonneg (psub K (pint (first - 1))) = true /\ nonneg (popp (with_T h p (padd (padd K (pint 1)) (pvar (Aux 1))) (fst pre))) = true /\
        (pequal (psub K (pint (first - 1))) [] = true \/
         nonneg (with_T h p (psub K (pvar (Aux 1))) (fst pre)) = true /\ nonneg (with_T h p k_ room) = true).
      Proof.
        pose proof A as B. unfold active_up_to in B. apply andb_prop in B as [B B6]. do 4 (apply andb_prop in B as [B ?]). apply Z.leb_le in B.
        apply orb_prop in B6 as [B6 | B6]; [| apply andb_prop in B6 as [B6 B7]]; repeat split; auto.
      Qed.

      Notation zeros := (fun _ : N => zero : F).
      Definition with_j (j : F) (m : N) : F := match m with Npos xH => j | _ => zero end.
      Lemma den_sign k : le zero (peval F (rho (here_ t) zeros k) (snd pre)).
      Proof.
        destruct conditions as (_ & _ & C & _).
        pose proof (nonneg_sign (here_ t) (set_k zeros (ofZ k)) _ (here_positive t) (le_refl F _) C) as D. rewrite with_T_ok in D.
        unfold k_ in D. rewrite pvar_ok in D. revert D. apply (eq_rect_r (fun d => le zero d -> _) (fun x => x)).
        apply peval_same. intro v. now destruct v as [| | | | | [|] | |].
      Qed.
      (* the argument of unit k has the sign of its numerator *)
      Lemma sign_k (b : bool) k kp j : nonneg (if b then with_T h p kp (fst pre) else popp (with_T h p kp (fst pre))) = true -> le zero j ->
        peval F (val_ (here_ t) (here_ t) (with_j j)) kp = ofZ k -> if b then le zero (z k) else le (z k) zero.
      Proof.
        intros H J E. pose proof (nonneg_sign (here_ t) (with_j j) _ (here_positive t) J H) as S.
        destruct (pre_ok (here_ t) (with_j j) k) as [N Z]. destruct (pre_ok (here_ t) zeros k) as [N0 Z0].
        assert (D : le zero (peval F (rho (here_ t) (with_j j) k) (snd pre))).
        { rewrite (peval_ext F not_aux _ (rho (here_ t) zeros k)); [apply den_sign | now intros [] | apply conditions]. }
        destruct b.
        - rewrite with_T_ok, E, Z in S. now apply (le_factor F _ _ S).
        - rewrite popp_ok, with_T_ok, E, Z in S. exact (le_factor_neg _ _ S D N).
      Qed.

      Lemma enough : (0 <= Kz - (first - 1))%Z.
      Proof.
        destruct conditions as (_ & _ & _ & C & _). apply ofZ_le.
        pose proof (nonneg_sign (here_ t) zeros _ (here_positive t) (le_refl F _) C) as S. rewrite psub_ok, K_ok, pint_ok in S by auto. now rewrite ofZ_sub.
      Qed.
      Lemma beyond k : (Kz < k)%Z -> relu (z k) = zero.
      Proof.
        intro H. apply relu_off. destruct conditions as (_ & _ & _ & _ & C & _).
        apply (sign_k false k (padd (padd K (pint 1)) (pvar (Aux 1))) (ofZ (k - Kz - 1))); [assumption | apply ofZ_nonneg; lia |].
        rewrite !padd_ok, K_ok, pint_ok, pvar_ok by auto. cbn [val with_j]. rewrite <- !ofZ_add. f_equal. lia.
      Qed.
      Lemma within : Kz = (first - 1)%Z \/ ((Kz <= last)%Z /\ forall k, (first <= k <= Kz)%Z -> relu (z k) = z k).
      Proof.
        destruct conditions as (Fl & _ & _ & _ & _ & [H | [H Room]]).
        - left. apply (pequal_ok F (val_ (here_ t) (here_ t) zeros)) in H. rewrite psub_ok, K_ok, pint_ok in H by auto. cbn in H. rewrite <- ofZ_sub in H.
          destruct (Z.eq_dec (Kz - (first - 1)) 0) as [| N]; [lia |]. now apply (ofZ_not_zero F) in N.
        - right. split.
          + apply Z.div_le_lower_bound; [lia |]. cut (0 <= rise * Z.of_nat T + shift - floor * Kz)%Z; [lia |]. apply ofZ_le.
            pose proof (nonneg_sign (here_ t) zeros _ (here_positive t) (le_refl F _) Room) as S.
            unfold room in S. rewrite with_T_ok, psub_ok, padd_ok, !pscale_const, K_ok, pvar_ok, pint_ok, !ofQ_Z in S by auto.
            rewrite ofZ_sub, ofZ_add, !ofZ_mul. exact S.
          + intros k Hk. apply relu_on. apply (sign_k true k (psub K (pvar (Aux 1))) (ofZ (Kz - k))); [assumption | apply ofZ_nonneg; lia |].
            rewrite psub_ok, K_ok, pvar_ok by auto. cbn [val with_j]. rewrite <- ofZ_sub. f_equal. lia.
      Qed.

      Lemma sum_ok i S : pequal (psub S (at_k (psub k_ (pint 1)) S)) (pmul (read_entry false true write i) (fst pre)) = true ->
        pequal (at_k (pint (first - 1)) S) [] = true -> forall y aux,
        stands F (val_ (here_ t) y aux) (simplify (at_k K S) (snd pre)) (sum (Z.to_nat (last - first + 1)) (fun n => unit_k (first + Z.of_nat n - 1)%Z i)).
      Proof.
        intros Step Base y aux. pose proof enough as En. set (M := Z.to_nat (Kz - (first - 1))).
        assert (D : forall k, peval F (rho y aux k) (snd pre) = peval F (val_ (here_ t) y aux) (snd pre)).
        { intro k. apply (peval_ext F not_aux); [now intros [] | apply conditions]. }
        set (d := peval F (val_ (here_ t) y aux) (snd pre)) in *.
        assert (Cut : (M <= Z.to_nat (last - first + 1))%nat) by (destruct within as [E | [E _]]; lia).
        rewrite (sum_cut F _ M); [| exact Cut |].
        2: { intros j Hj. unfold unit_. fold (z (first + Z.of_nat j - 1)). rewrite beyond by lia. ring. }
        assert (Q : forall m, (m <= M)%nat -> sum m (fun n => unit_k (first + Z.of_nat n - 1)%Z i) * d = peval F (rho y aux (first + Z.of_nat m - 1)) S).
        { induction m as [| m IH]; intro Hm.
          - cbn [sum]. apply (pequal_ok F (val_ (here_ t) y aux)) in Base. rewrite at_k_ok, pint_ok in Base.
            replace (first + Z.of_nat 0 - 1)%Z with (first - 1)%Z by lia. rewrite Base. cbn. ring.
          - cbn [sum]. set (k := (first + Z.of_nat (Datatypes.S m) - 1)%Z).
            apply (pequal_ok F (rho y aux k)) in Step. rewrite psub_ok, at_k_ok, pmul_ok, entry_k in Step by auto.
            destruct (pre_ok y aux k) as [_ Z]. rewrite Z, D in Step.
            assert (P : peval F (val_ (here_ t) y (set_k (set_k aux (ofZ k)) (peval F (rho y aux k) (psub k_ (pint 1))))) S = peval F (rho y aux (first + Z.of_nat m - 1)) S).
            { apply peval_same. intro v. destruct v as [| | | | | [|] | |]; try reflexivity. cbn [val set_k]. unfold k_. rewrite psub_ok, pvar_ok, pint_ok by auto. cbn [val set_k].
              rewrite <- ofZ_sub. f_equal. unfold k. lia. }
            rewrite P, <- IH in Step by lia.
            replace (unit_k k i) with (entry F (at_index F sym T k) write i * z k).
            2: { unfold unit_. fold (z k). destruct within as [E | [_ E]]; [lia |]. rewrite E; [reflexivity |]. unfold k. lia. }
            transitivity (peval F (rho y aux k) S - sum m (fun n0 => unit_k (first + Z.of_nat n0 - 1)%Z i) * d + sum m (fun n0 => unit_k (first + Z.of_nat n0 - 1)%Z i) * d); [rewrite Step; ring | ring]. }
        apply simplify_ok; auto; [change (d <> zero); rewrite <- (D 0%Z); apply (pre_ok y aux 0) |].
        fold d. rewrite (Q M) by lia. rewrite at_k_ok, K_ok. apply peval_same. intro v. destruct v as [| | | | | [|] | |]; try reflexivity. cbn [val set_k]. f_equal. lia.
      Qed.
    End Active.

    Lemma units_adds_ok i v : units_adds h l n read bias write first rise shift floor (a, p) X i = Some v -> forall y aux,
      stands F (val_ (here_ t) y aux) v (sum (Z.to_nat (last - first + 1)) (fun n => unit_k (first + Z.of_nat n - 1)%Z i)).
    Proof.
      intros H y aux. unfold units_adds in H. cbn [snd] in H.
      assert (O : read_entry false true write i = [] -> stands F (val_ (here_ t) y aux) rzero (sum (Z.to_nat (last - first + 1)) (fun n => unit_k (first + Z.of_nat n - 1)%Z i))).
      { intro E. rewrite no_entry by assumption. now apply rzero_ok. }
      destruct (find_hint h l n p) as [u |].
      - cbv zeta in H. destruct (read_entry false true write i) as [| tm e] eqn:Re; [injection H as <-; auto |]. rewrite <- Re in *.
        match type of H with (if ?b then _ else _) = _ => destruct b eqn:B; [| discriminate] end. injection H as <-.
        apply andb_prop in B as [B B3]. apply andb_prop in B as [B1 B2]. now apply sum_ok.
      - destruct (read_entry false true write i); [injection H as <-; auto | discriminate].
    Qed.
  End Position.
End Run.
